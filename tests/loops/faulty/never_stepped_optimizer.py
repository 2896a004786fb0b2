"""The loop forgets optimizer.step()."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(10, 2)
for _ in range(6):
    optimizer.zero_grad()
    loss = (model(x) - 1).square().mean()
    loss.backward()  # fault: never-stepped
