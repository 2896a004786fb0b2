"""Rate poly."""

import torch

x = torch.tensor(3.0, requires_grad=True)
for _ in range(10):
    loss = x**4
    loss.backward()
    with torch.no_grad():
        x -= 0.1 * x.grad  # fault: learning-rate-too-large
    x.grad = None
