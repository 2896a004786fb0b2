"""An update of a copy, which is lost."""

import torch

x = torch.tensor([3.0, 2.0], requires_grad=True)
for _ in range(5):
    loss = (x**2).sum()
    loss.backward()
    with torch.no_grad():
        new = x.clone()
        new -= 0.1 * x.grad  # fault: never-stepped
    x.grad.zero_()
