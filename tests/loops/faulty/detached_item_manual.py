"""A loss made of a Python number."""

import torch

w = torch.tensor(2.0, requires_grad=True)
for _ in range(3):
    error = (3 * w - 1).item()  # fault: detached
    loss = torch.tensor(error**2, requires_grad=True)
    loss.backward()
    with torch.no_grad():
        if w.grad is not None:
            w -= 0.01 * w.grad
