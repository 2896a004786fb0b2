"""A descent that arrives: its last gradients are rounding or 0."""

import torch

x = torch.tensor(5.0, requires_grad=True)
for _ in range(300):
    loss = (x - 1) ** 2
    loss.backward()
    with torch.no_grad():
        x -= 0.25 * x.grad
        x.grad = None
