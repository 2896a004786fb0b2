"""Sgd noise."""

import torch

torch.manual_seed(0)
w = torch.tensor(0.0, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.4)
for _ in range(40):
    t = torch.randn(())
    loss = (w - t) ** 2
    opt.zero_grad()
    loss.backward()
    opt.step()
