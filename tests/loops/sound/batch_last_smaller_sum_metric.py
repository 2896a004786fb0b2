"""Batch last smaller sum metric."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(3, 2)
opt = torch.optim.SGD(m.parameters(), lr=0.05)
x = torch.randn(50, 3)
y = (x[:, 0] > 0).long()
for _ in range(3):
    for i in range(0, 50, 16):
        xb, yb = x[i : i + 16], y[i : i + 16]
        loss = torch.nn.functional.cross_entropy(m(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
