"""Linear zero feature."""

import torch

torch.manual_seed(0)
x = torch.randn(30, 3)
x[:, 2] = 0
y = x[:, 0] * 2 - x[:, 1]
w = torch.zeros(3, requires_grad=True)
for _ in range(60):
    loss = (x @ w - y).square().mean()
    loss.backward()
    w.data -= 0.3 * w.grad
    w.grad = None
