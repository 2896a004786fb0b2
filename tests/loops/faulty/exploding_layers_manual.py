"""Each of ten layers multiplies by a large matrix."""

import torch

torch.manual_seed(0)
weights = [(torch.randn(8, 8) * 2).requires_grad_() for _ in range(10)]
x, y = torch.randn(10, 8), torch.rand(10, 8)
for _ in range(3):
    h = x
    for w in weights:
        h = torch.nn.functional.leaky_relu(h @ w, 0.2)
    loss = (h - y).square().mean()
    loss.backward()  # fault: exploding-gradient
    with torch.no_grad():
        for w in weights:
            w -= 1e-16 * w.grad
            w.grad = None
