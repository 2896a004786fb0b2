"""Lr zero groups."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(2, 1)
lr = 0
opt = torch.optim.SGD(m.parameters(), lr=lr)  # fault: lr-zero
for _ in range(5):
    loss = (m(torch.ones(3, 2)) - 1).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
