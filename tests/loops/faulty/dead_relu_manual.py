"""A rate that throws every unit below 0."""

import torch

x = torch.tensor([[0.5, 1.0], [1.0, 0.2], [1.5, 1.0]])
y = torch.tensor([1.0, 2.0, 3.0])
w = torch.tensor([2.0, 2.0], requires_grad=True)
for _ in range(12):
    h = torch.relu(x @ w)  # fault: dead-relu
    loss = (h - y).square().mean()
    loss.backward()
    with torch.no_grad():
        w -= 1.5 * w.grad
        w.grad.zero_()
