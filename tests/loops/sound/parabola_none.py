"""The gradient is set to None at the start of each iteration."""

import torch

x, y = torch.tensor(3.0, requires_grad=True), torch.tensor(-1.0, requires_grad=True)
for _ in range(15):
    x.grad = y.grad = None
    loss = x**2 + 2 * y**2 + x * y
    loss.backward()
    x.data -= 0.1 * x.grad
    y.data -= 0.1 * y.grad
