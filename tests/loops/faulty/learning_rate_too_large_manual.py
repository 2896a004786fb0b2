"""A parabola with a rate above 2 / L."""

import torch

x = torch.tensor(1.0, requires_grad=True)
for _ in range(12):
    loss = 3 * (x - 2) ** 2
    loss.backward()
    with torch.no_grad():
        x -= 0.4 * x.grad  # fault: learning-rate-too-large
        x.grad.zero_()
