"""Early stop exit."""

import sys

import torch

x = torch.tensor(3.0, requires_grad=True)
for _ in range(100):
    loss = (x - 1) ** 2
    loss.backward()
    with torch.no_grad():
        x -= 0.1 * x.grad
    x.grad = None
    if loss < 1e-3:
        sys.exit(0)
