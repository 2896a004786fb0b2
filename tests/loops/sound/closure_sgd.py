"""Closure sgd."""

import torch

x = torch.tensor([2.0], requires_grad=True)
opt = torch.optim.SGD([x], lr=0.1)


def closure():
    opt.zero_grad()
    loss = (x**2).sum()
    loss.backward()
    return loss


for _ in range(10):
    opt.step(closure)
