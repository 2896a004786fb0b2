"""Big lr zero manual."""

import torch

torch.manual_seed(0)
x = torch.randn(256, 100)
y = x.sum(1, keepdim=True)
w = torch.zeros(100, 1, requires_grad=True)
rate = 0.0
for _ in range(20):
    loss = (x @ w - y).square().mean()
    loss.backward()
    with torch.no_grad():
        w -= rate * w.grad  # fault: lr-zero
    w.grad = None
