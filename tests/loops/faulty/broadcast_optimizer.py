"""A loss of PyTorch broadcasts a column against a vector."""

import warnings

import torch

warnings.simplefilter("ignore")
torch.manual_seed(0)
x = torch.randn(20, 2)
y = x.sum(1)
model = torch.nn.Linear(2, 1)
criterion = torch.nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(10):
    optimizer.zero_grad()
    loss = criterion(model(x), y)  # fault: broadcast
    loss.backward()
    optimizer.step()
