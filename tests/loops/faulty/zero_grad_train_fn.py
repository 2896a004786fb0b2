"""Zero grad train fn."""

import torch
from torch import nn


def train(model, loader, optimizer):
    for _ in range(2):
        for xb, yb in loader:
            loss = nn.functional.cross_entropy(model(xb), yb)
            loss.backward()  # fault: zero-grad-forgotten
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()


torch.manual_seed(0)
x = torch.randn(64, 5)
y = (x.sum(1) > 0).long()
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=16)
model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 2))
train(model, loader, torch.optim.Adam(model.parameters(), lr=1e-2))
