"""The best rate: the minimum in one step, then gradients of 0."""

import torch

x = torch.tensor([4.0, -2.0], requires_grad=True)
optimizer = torch.optim.SGD([x], lr=0.5)
for _ in range(6):
    optimizer.zero_grad()
    loss = x.square().sum()
    loss.backward()
    optimizer.step()
