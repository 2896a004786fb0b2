"""Div zero."""

import torch

torch.manual_seed(0)
w = torch.tensor([1.0, 2.0], requires_grad=True)
m = torch.tensor([0.0, 0.0])
for _ in range(4):
    loss = ((w * m).sum() / (m * w).sum()) + w.sum()  # fault: not-finite
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    w.grad = None
