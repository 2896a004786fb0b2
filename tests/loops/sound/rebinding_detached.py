"""A new leaf in each iteration, made on purpose."""

import torch

x = torch.tensor([2.0, 1.0], requires_grad=True)
for _ in range(10):
    loss = (x**2).sum()
    loss.backward()
    x = (x - 0.2 * x.grad).detach().requires_grad_()
