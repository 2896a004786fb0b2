"""A rate from a division of integers."""

import torch

lr = 1 // 10
x = torch.tensor([2.0, 3.0], requires_grad=True)
for _ in range(5):
    loss = x.square().sum()
    loss.backward()
    with torch.no_grad():
        x -= lr * x.grad  # fault: lr-zero
    x.grad.zero_()
