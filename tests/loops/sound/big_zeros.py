"""Big zeros."""

import torch

torch.manual_seed(0)
x = torch.randn(256, 100)
w0 = torch.randn(100, 1)
y = x @ w0
w = torch.zeros(100, 1, requires_grad=True)
for _ in range(50):
    loss = (x @ w - y).square().mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
