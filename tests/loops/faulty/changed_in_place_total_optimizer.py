"""A total of losses whose weights have moved since."""

import torch

x = torch.tensor([3.0, 2.0], requires_grad=True)
optimizer = torch.optim.SGD([x], lr=0.01)
total = 0
for _ in range(5):
    total = total + (x**2).sum()
    optimizer.zero_grad()
    total.backward(retain_graph=True)  # fault: changed-in-place
    optimizer.step()
