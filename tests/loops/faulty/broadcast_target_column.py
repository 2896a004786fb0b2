"""Broadcast target column."""

import torch

torch.manual_seed(0)
w = torch.zeros(3, requires_grad=True)
X = torch.randn(12, 3)
Y = X.sum(1, keepdim=True)
for _ in range(6):
    pred = X @ w
    loss = ((pred - Y) ** 2).mean()  # fault: broadcast
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
