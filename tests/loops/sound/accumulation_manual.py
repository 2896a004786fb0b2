"""One gradient from two losses, by hand."""

import torch

w = torch.tensor([1.0, 1.0], requires_grad=True)
for _ in range(20):
    for target in (torch.tensor([0.0, 1.0]), torch.tensor([2.0, 3.0])):
        loss = 0.5 * (w - target).square().sum()
        loss.backward()
    with torch.no_grad():
        w -= 0.2 * w.grad
    w.grad = None
