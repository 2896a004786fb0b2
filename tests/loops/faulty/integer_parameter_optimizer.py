"""A parameter of whole numbers."""

import torch

w = torch.nn.Parameter(torch.arange(3))  # fault: integer-parameter
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    (w**2).sum().backward()
    optimizer.step()
