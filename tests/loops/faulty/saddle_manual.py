"""The start lies on the ridge of a saddle."""

import torch

p = torch.tensor([1.0, 0.0], requires_grad=True)
for _ in range(60):
    loss = p[0] ** 2 - p[1] ** 2 + p[1] ** 4
    loss.backward()  # fault: saddle
    with torch.no_grad():
        p -= 0.3 * p.grad
        p.grad.zero_()
