"""Lasso."""

import torch

torch.manual_seed(0)
X = torch.randn(40, 5)
y = X[:, 0] * 2
w = torch.zeros(5, requires_grad=True)
for _ in range(100):
    loss = (X @ w - y).square().mean()
    g = torch.autograd.grad(loss, w)[0]
    with torch.no_grad():
        w -= 0.1 * g
        w.copy_(torch.sign(w) * torch.clamp(w.abs() - 0.01, min=0))
