"""An operation outside of its domain, which saves no result."""

import torch

x = torch.tensor([3.0, 0.5], requires_grad=True)
optimizer = torch.optim.SGD([x], lr=0.01)
for _ in range(3):
    h = torch.acosh(x)  # fault: not-finite
    loss = (h + 1).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
