"""The bias is not used in the prediction."""

import torch

inputs = torch.linspace(-1, 1, 9)
targets = 2 * inputs + 1
slope = torch.tensor(0.0, requires_grad=True)
bias = torch.tensor(0.0, requires_grad=True)
for _ in range(4):
    prediction = slope * inputs
    loss = ((prediction - targets) ** 2).mean()
    loss.backward()  # fault: not-reached
    with torch.no_grad():
        for leaf in (slope, bias):
            if leaf.grad is not None:
                leaf -= 0.3 * leaf.grad
                leaf.grad.zero_()
