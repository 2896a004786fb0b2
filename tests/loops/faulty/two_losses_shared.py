"""Two losses shared."""

import torch

x = torch.tensor(2.0, requires_grad=True)
for _ in range(2):
    h = x**2
    a = h * 2
    b = torch.exp(h)
    a.backward()
    b.backward()  # fault: two-backwards
