"""Hinge."""

import torch

torch.manual_seed(0)
X = torch.randn(60, 2)
y = torch.sign(X[:, 0])
X[:, 0] += y
w = torch.zeros(2, requires_grad=True)
for _ in range(60):
    loss = torch.relu(1 - y * (X @ w)).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.5 * w.grad
        w.grad = None
