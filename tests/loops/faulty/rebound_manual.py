"""The update makes a new tensor, which is no leaf."""

import torch

x = torch.tensor(4.0, requires_grad=True)
for _ in range(3):
    y = x**2 - 3 * x
    y.backward()
    x = x - 0.1 * x.grad  # fault: rebound
