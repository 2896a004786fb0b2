"""A parabola whose gradient is never set to zero."""

import torch

x = torch.tensor(3.0, requires_grad=True)
for _ in range(5):
    loss = (x - 0.5) ** 2
    loss.backward()  # fault: zero-grad-forgotten
    with torch.no_grad():
        x -= 0.1 * x.grad
