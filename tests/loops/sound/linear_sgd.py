"""A line fitted by SGD."""

import torch

torch.manual_seed(0)
inputs = torch.randn(30, 1)
targets = 3 * inputs + 1
model = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(40):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(inputs), targets)
    loss.backward()
    optimizer.step()
    history = loss.item()
