"""Two descents, one after the other."""

import torch

for lr in (0.1, 0.3):
    x = torch.tensor(2.0, requires_grad=True)
    for _ in range(10):
        loss = x**2
        loss.backward()
        with torch.no_grad():
            x -= lr * x.grad
        x.grad = None

y = torch.tensor([1.0, 2.0], requires_grad=True)
optimizer = torch.optim.Adam([y], lr=0.1)
for _ in range(10):
    optimizer.zero_grad()
    cost = y.square().sum()
    cost.backward()
    optimizer.step()
