"""A regression that crosses its valley at each step."""

import torch

x = torch.linspace(0, 1, 10).reshape(-1, 1)
features = torch.cat([x, torch.ones_like(x)], 1)
y = torch.sin(3 * x)
w = torch.nn.Parameter(torch.zeros(2, 1))
optimizer = torch.optim.SGD([w], lr=0.77)  # fault: oscillating
for _ in range(20):
    optimizer.zero_grad()
    loss = (features @ w - y).square().mean()
    loss.backward()
    optimizer.step()
