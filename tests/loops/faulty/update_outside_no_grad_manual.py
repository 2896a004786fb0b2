"""A leaf is changed in place while autograd records."""

import torch

w = torch.tensor(2.0, requires_grad=True)
lr = 0.1
for _ in range(3):
    loss = (w - 1) ** 2
    loss.backward()
    w -= lr * w.grad  # fault: update-outside-no-grad
    w.grad = None
