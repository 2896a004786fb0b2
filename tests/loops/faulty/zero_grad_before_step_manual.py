"""The gradient is set to zero before it is used."""

import torch

w = torch.tensor([1.0, -2.0], requires_grad=True)
for _ in range(6):
    loss = (w**2).sum()
    loss.backward()
    w.grad.zero_()  # fault: zero-grad-before-step
    with torch.no_grad():
        w -= 0.1 * w.grad
