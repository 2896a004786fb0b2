"""The loop updates one of two leaves."""

import torch

u = torch.tensor(1.0, requires_grad=True)
v = torch.tensor(1.0, requires_grad=True)
for _ in range(5):
    u.grad = v.grad = None
    loss = (u - 3) ** 2 + (v + 2) ** 2
    loss.backward()  # fault: never-stepped
    with torch.no_grad():
        u -= 0.1 * u.grad
