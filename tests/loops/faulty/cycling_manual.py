"""From one side to the other and back."""

import torch

x = torch.tensor(3.0, requires_grad=True)
for _ in range(12):
    loss = x.abs()
    loss.backward()
    with torch.no_grad():
        x -= 2.0 * x.grad  # fault: cycling
        x.grad.zero_()
