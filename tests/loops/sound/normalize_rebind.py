"""Normalize rebind."""

import torch

torch.manual_seed(0)
u = torch.randn(3, requires_grad=True)
A = torch.diag(torch.tensor([3.0, 2.0, 1.0]))
for _ in range(30):
    f = u @ A @ u / (u @ u)
    f.backward()
    with torch.no_grad():
        u += 0.2 * u.grad
        u /= u.norm()
    u.grad = None
