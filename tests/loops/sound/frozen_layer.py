"""The first layer is frozen, and the optimizer holds it all the same."""

import torch

torch.manual_seed(0)
body = torch.nn.Linear(3, 5)
head = torch.nn.Linear(5, 1)
model = torch.nn.Sequential(body, torch.nn.Tanh(), head)
body.requires_grad_(False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(20, 3)
for _ in range(20):
    optimizer.zero_grad()
    loss = (model(x) - x[:, :1]).square().mean()
    loss.backward()
    optimizer.step()
