"""The same for an optimizer."""

import torch

torch.manual_seed(0)
x, y = torch.randn(10, 3), torch.randn(10)
w = 0.01 * torch.randn(3, requires_grad=True)  # fault: no-leaf
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(5):
    optimizer.zero_grad()
    loss = ((x @ w - y) ** 2).mean()
    loss.backward()
    optimizer.step()
