"""A column minus a vector is a matrix."""

import torch

torch.manual_seed(0)
x = torch.randn(20, 2)
y = x[:, 0] - 2 * x[:, 1]
w = torch.zeros(2, 1, requires_grad=True)
for _ in range(10):
    prediction = x @ w
    loss = (prediction - y).square().mean()  # fault: broadcast
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
