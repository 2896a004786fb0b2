"""A root of a negative number, by **."""

import torch

x = torch.tensor([3.0, -2.0], requires_grad=True)
for _ in range(3):
    h = x**0.5  # fault: not-finite
    loss = h.mean()
    loss.backward()
    with torch.no_grad():
        x -= 0.1 * x.grad
    x.grad = None
