"""Rate to inf."""

import torch

x = torch.tensor(1.0, requires_grad=True)
for _ in range(200):
    loss = x**2
    loss.backward()
    with torch.no_grad():
        x -= 10 * x.grad  # fault: learning-rate-too-large
    x.grad = None
