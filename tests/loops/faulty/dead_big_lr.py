"""Dead big lr."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.SGD(net.parameters(), lr=4.0)
x = torch.rand(40, 3) + 1
y = x.sum(1, keepdim=True) * 5
for _ in range(40):
    opt.zero_grad()
    out = net(x)  # fault: dead-relu
    loss = (out - y).square().mean()
    loss.backward()
    opt.step()
