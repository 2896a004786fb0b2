"""Nan data."""

import torch

torch.manual_seed(0)
x = torch.randn(20, 3)
x[3, 1] = float("nan")
y = torch.randn(20, 1)
m = torch.nn.Linear(3, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.1)
for _ in range(4):
    pred = m(x)  # fault: not-finite
    loss = (pred - y).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
