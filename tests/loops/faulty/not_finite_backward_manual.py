"""The root of 0 has a slope that is infinite."""

import torch

v = torch.tensor([3.0, 0.0], requires_grad=True)
for _ in range(3):
    sizes = torch.sqrt(v**2)  # fault: not-finite
    loss = sizes.sum()
    loss.backward()
    with torch.no_grad():
        v -= 0.1 * v.grad
        v.grad.zero_()
