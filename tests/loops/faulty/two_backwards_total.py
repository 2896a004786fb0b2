"""A total that goes on, without retain_graph."""

import torch

x = torch.tensor([3.0, 2.0], requires_grad=True)
optimizer = torch.optim.SGD([x], lr=0.01)
total = 0
for _ in range(5):
    loss = (x**2).sum()
    total += loss
    optimizer.zero_grad()
    total.backward()  # fault: two-backwards
    optimizer.step()
