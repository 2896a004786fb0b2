"""Meta."""

import torch

torch.manual_seed(0)
w = torch.randn(2, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.05)
for _ in range(10):
    x = torch.randn(20, 2)
    inner = (x @ w - x.sum(1)).square().mean()
    (g,) = torch.autograd.grad(inner, w, create_graph=True)
    fast = w - 0.1 * g
    outer = (x @ fast - x.sum(1)).square().mean()
    opt.zero_grad()
    outer.backward()
    opt.step()
