"""The update makes a new tensor under no_grad, which does not require a gradient."""

import torch

a, b = torch.tensor(1.0, requires_grad=True), torch.tensor(-1.0, requires_grad=True)
for _ in range(3):
    loss = (a - 2) ** 2 + (b * a + 1) ** 2
    loss.backward()
    with torch.no_grad():
        a -= 0.05 * a.grad
        b = b - 0.05 * b.grad  # fault: rebound
    a.grad = None
