"""Hardly anything happens."""

import torch

x = torch.tensor([3.0, -1.0], requires_grad=True)
for _ in range(40):
    loss = (x - 1).square().sum()
    loss.backward()
    x.data -= 1e-6 * x.grad  # fault: learning-rate-too-small
    x.grad = None
