"""torch.autograd.grad leaves .grad alone."""

import torch

w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
for _ in range(12):
    loss = (w - 1).pow(2).sum()
    (gradient,) = torch.autograd.grad(loss, w)
    with torch.no_grad():
        w -= 0.2 * gradient
