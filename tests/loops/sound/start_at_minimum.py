"""Start at minimum."""

import torch

x = torch.tensor([1.0, 2.0], requires_grad=True)
for _ in range(12):
    f = (x - torch.tensor([1.0, 2.0])).square().sum() + 3
    f.backward()
    with torch.no_grad():
        x -= 0.1 * x.grad
    x.grad = None
