"""A valley that is crossed at each step."""

import torch

p = torch.tensor([4.0, 2.0], requires_grad=True)
for _ in range(30):
    loss = p[0] ** 2 / 200 + p[1] ** 2
    loss.backward()
    with torch.no_grad():
        p -= 0.98 * p.grad  # fault: oscillating
        p.grad.zero_()
