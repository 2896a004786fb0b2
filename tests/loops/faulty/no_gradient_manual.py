"""The loss is made where autograd does not record."""

import torch

w = torch.tensor(3.0, requires_grad=True)
for _ in range(3):
    with torch.no_grad():
        loss = (w - 1) ** 2
    loss.backward()  # fault: no-gradient
