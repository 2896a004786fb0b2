"""LBFGS with a closure that is written out, and a gradient that is zeroed by hand."""

import torch

torch.manual_seed(0)
x, y = torch.randn(20, 3), torch.randn(20)
w = torch.zeros(3, requires_grad=True)
optimizer = torch.optim.LBFGS([w], lr=0.5, max_iter=4)
for _ in range(4):

    def closure() -> torch.Tensor:
        w.grad = None
        loss = ((x @ w - y) ** 2).mean() + 0.1 * (w**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
