"""Many units dead some."""

import torch
from torch import nn

torch.manual_seed(3)
net = nn.Sequential(nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(8, 10)
y = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
for _ in range(30):
    opt.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    opt.step()
