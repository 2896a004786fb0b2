"""A sigmoid far from where it turns."""

import torch

w = torch.tensor(14.0, requires_grad=True)
for _ in range(20):
    loss = torch.sigmoid(w) ** 2
    loss.backward()  # fault: plateau
    with torch.no_grad():
        w -= 1.0 * w.grad
        w.grad.zero_()
