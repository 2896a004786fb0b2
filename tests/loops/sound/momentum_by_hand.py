"""Momentum by hand in float64."""

import torch

w = torch.tensor([5.0, -3.0], dtype=torch.float64, requires_grad=True)
velocity = torch.zeros_like(w)
for _ in range(60):
    loss = w[0] ** 2 + 4 * w[1] ** 2
    loss.backward()
    with torch.no_grad():
        velocity = 0.7 * velocity + w.grad
        w -= 0.05 * velocity
        w.grad.zero_()
