"""A start of whole numbers."""

import torch

w = torch.tensor([1, 2, 3], requires_grad=True)  # fault: integer-parameter
for _ in range(3):
    loss = (w**2).sum()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
