"""A start that is scaled, and then made a leaf."""

import torch

torch.manual_seed(0)
x, y = torch.randn(10, 3), torch.randn(10)
w = (torch.randn(3, requires_grad=True) * 0.01).detach().requires_grad_()
for _ in range(12):
    loss = ((x @ w - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        new = w.clone()
        new -= 0.1 * w.grad
        w.copy_(new)
        w.grad.zero_()
