"""Twelve layers of sigmoids, by hand."""

import torch

torch.manual_seed(0)
weights = [(torch.randn(6, 6) * 0.5).requires_grad_() for _ in range(12)]
x, y = torch.randn(10, 6), torch.rand(10, 6)
for _ in range(5):
    h = x
    for w in weights:
        h = torch.sigmoid(h @ w)
    loss = (h - y).square().mean()
    loss.backward()  # fault: vanishing-gradient
    with torch.no_grad():
        for w in weights:
            w -= 0.5 * w.grad
            w.grad = None
