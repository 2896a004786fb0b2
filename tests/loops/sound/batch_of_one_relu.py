"""Batch of one relu."""

import torch
from torch import nn

torch.manual_seed(3)
net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(40):
    x = torch.randn(1, 10)
    opt.zero_grad()
    loss = (net(x) - x.sum()).square().mean()
    loss.backward()
    opt.step()
