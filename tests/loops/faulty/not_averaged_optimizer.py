"""reduction="sum" with a last batch that is smaller."""

import torch
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(50, 3)
loader = DataLoader(TensorDataset(x, x.mean(1, keepdim=True)), batch_size=16)
model = torch.nn.Linear(3, 1)
criterion = torch.nn.MSELoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=0.005)
for _ in range(4):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)  # fault: not-averaged
        loss.backward()
        optimizer.step()
