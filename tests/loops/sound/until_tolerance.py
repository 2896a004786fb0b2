"""A while loop with a test of the gradient."""

import torch

x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
while True:
    x.grad = None
    loss = torch.cosh(x - 1)
    loss.backward()
    if x.grad.abs() < 1e-9:
        break
    with torch.no_grad():
        x -= 0.5 * x.grad
