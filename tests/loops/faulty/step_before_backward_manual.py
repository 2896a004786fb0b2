"""The update stands before backward, and the gradient is cleared in between."""

import torch

w = torch.tensor(5.0, requires_grad=True)
for _ in range(4):
    loss = (w - 1) ** 2
    w.grad = None
    with torch.no_grad():
        w -= 0.1 * w.grad  # fault: step-before-backward
    loss.backward()
