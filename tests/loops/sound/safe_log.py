"""A loss that is finite because its argument is held above 0."""

import torch

w = torch.tensor([0.0, 2.0], requires_grad=True)
x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
y = torch.tensor([0.0, 1.0, 1.0])
optimizer = torch.optim.SGD([w], lr=0.2)
for _ in range(20):
    p = torch.sigmoid(x @ w).clamp(1e-6, 1 - 1e-6)
    loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
