"""Rebound params list."""

import torch

w = torch.tensor(1.0, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)
for _ in range(5):
    loss = (w * 2 + b - 3) ** 2
    loss.backward()
    with torch.no_grad():
        w = w - 0.01 * w.grad  # fault: rebound
        b = b - 0.01 * b.grad
