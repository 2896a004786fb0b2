"""Rosenbrock."""

import torch

p = torch.tensor([-1.0, 1.5], requires_grad=True)
opt = torch.optim.Adam([p], lr=0.05)
for _ in range(200):
    opt.zero_grad()
    loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
    loss.backward()
    opt.step()
