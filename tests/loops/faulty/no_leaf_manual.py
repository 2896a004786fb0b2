"""A start that is scaled after requires_grad, and so is no leaf."""

import torch

torch.manual_seed(0)
x, y = torch.randn(10, 3), torch.randn(10)
w = torch.randn(3, requires_grad=True) * 0.01  # fault: no-leaf
for _ in range(5):
    loss = ((x @ w - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
