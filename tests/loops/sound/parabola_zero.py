"""The loop of a lecture, with zero_."""

import torch

x = torch.tensor(3.0, requires_grad=True)
for _ in range(20):
    loss = (x - 0.5) ** 2
    loss.backward()
    with torch.no_grad():
        x -= 0.1 * x.grad
        x.grad.zero_()
