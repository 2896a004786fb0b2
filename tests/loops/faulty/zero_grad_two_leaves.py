"""Zero grad two leaves."""

import torch

a = torch.tensor(1.0, requires_grad=True)
b = torch.tensor(2.0, requires_grad=True)
for _ in range(6):
    loss = (a - 3) ** 2 + (b + 1) ** 2
    loss.backward()  # fault: zero-grad-forgotten
    with torch.no_grad():
        a -= 0.1 * a.grad
        b -= 0.1 * b.grad
        a.grad.zero_()
