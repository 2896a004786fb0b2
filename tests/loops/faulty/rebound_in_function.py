"""Rebound in function."""

import torch


def descend(x, lr=0.1, steps=5):
    for _ in range(steps):
        f = x**2
        f.backward()
        x = x - lr * x.grad  # fault: rebound
    return x


descend(torch.tensor(2.0, requires_grad=True))
