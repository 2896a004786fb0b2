"""Two backwards twice."""

import torch

x = torch.tensor(2.0, requires_grad=True)
for _ in range(2):
    y = x**2
    y.backward()
    y.backward()  # fault: two-backwards
