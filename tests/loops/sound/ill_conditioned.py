"""Ill conditioned."""

import torch

x = torch.tensor([1.0, 1.0], requires_grad=True)
for _ in range(50):
    f = 50 * x[0] ** 2 + x[1] ** 2
    f.backward()
    with torch.no_grad():
        x -= 0.012 * x.grad
    x.grad.zero_()
