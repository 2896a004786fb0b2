"""Broadcasts that are meant: a bias, a column of scales."""

import torch

torch.manual_seed(0)
x = torch.randn(10, 4)
scale = torch.ones(10, 1, requires_grad=True)
bias = torch.zeros(4, requires_grad=True)
optimizer = torch.optim.SGD([scale, bias], lr=0.5)
for _ in range(20):
    optimizer.zero_grad()
    loss = (x * scale + bias - 2 * x - 1).square().mean()
    loss.backward()
    optimizer.step()
