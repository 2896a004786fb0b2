"""A rate of exactly 2 / L."""

import torch

a = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
optimizer = torch.optim.SGD([a], lr=0.5)  # fault: cycling
for _ in range(12):
    optimizer.zero_grad()
    loss = 2 * a.square().sum()
    loss.backward()
    optimizer.step()
