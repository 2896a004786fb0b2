"""No tensor requires a gradient."""

import torch

w = torch.tensor(3.0)
for _ in range(3):
    loss = (w - 1) ** 2
    loss.backward()  # fault: no-requires-grad
    w -= 0.1 * w.grad
