"""Big forgotten."""

import torch

torch.manual_seed(0)
x = torch.randn(256, 100)
y = x.sum(1, keepdim=True)
w = (torch.randn(100, 1) * 0.1).requires_grad_()
for _ in range(20):
    loss = (x @ w - y).square().mean()
    loss.backward()  # fault: zero-grad-forgotten
    with torch.no_grad():
        w -= 0.01 * w.grad
