"""Ten layers of sines, each with weights that are too large."""

import torch

torch.manual_seed(0)
weights = [(torch.randn(8, 8) * 3).requires_grad_() for _ in range(10)]
x, y = torch.randn(10, 8), torch.rand(10, 8)
for _ in range(3):
    h = x
    for w in weights:
        h = torch.sin(h @ w)
    loss = (h - y).square().mean()
    loss.backward()  # fault: exploding-gradient
    with torch.no_grad():
        for w in weights:
            w -= 1e-7 * w.grad
            w.grad = None
