"""The logarithm of a number that becomes negative."""

import torch

p = torch.tensor(0.5, requires_grad=True)
for _ in range(8):
    loss = -torch.log(1 - p) + 3 * p  # fault: not-finite
    loss = loss * 1.0
    loss.backward()
    with torch.no_grad():
        p += 0.1 * p.grad
        p.grad.zero_()
