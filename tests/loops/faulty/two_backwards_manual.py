"""The loss is made once, before the loop."""

import torch

w = torch.tensor(1.0, requires_grad=True)
loss = (w - 2) ** 2
for _ in range(3):
    loss.backward()  # fault: two-backwards
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
