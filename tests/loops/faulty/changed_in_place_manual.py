"""A result that backward needs is changed in place."""

import torch

x = torch.tensor([3.0, 2.0], requires_grad=True)
for _ in range(5):
    h = torch.exp(x)
    h += 1  # fault: changed-in-place
    loss = h.sum()
    loss.backward()
    with torch.no_grad():
        x -= 0.01 * x.grad
    x.grad = None
