"""The optimizer holds the tensor that the name had before."""

import torch

point = torch.tensor([0.5, 3.0], requires_grad=True)
optimizer = torch.optim.SGD([point], lr=0.1)
for _ in range(6):
    optimizer.zero_grad()
    loss = ((point - torch.tensor([1.0, 2.0])) ** 2).sum()
    loss.backward()
    optimizer.step()
    point = point.detach().clamp(0, 1).requires_grad_()  # fault: rebound
