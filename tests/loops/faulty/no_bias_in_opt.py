"""No bias in opt."""

import torch

w = torch.zeros(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.1)  # fault: not-held
x = torch.linspace(-1, 1, 10)
for _ in range(10):
    loss = (w * x + b - 2 * x - 1).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
