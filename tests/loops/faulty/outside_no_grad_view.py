"""Outside no grad view."""

import torch

w = torch.zeros(3, requires_grad=True)
for _ in range(3):
    loss = (w - 1).square().sum()
    loss.backward()
    w[0] -= 0.1 * w.grad[0]  # fault: update-outside-no-grad
