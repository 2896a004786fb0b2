"""Detach in forward."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(3, 4)
        self.dec = nn.Linear(4, 3)

    def forward(self, x):
        z = torch.relu(self.enc(x))
        z = z.detach()  # fault: detached
        return self.dec(z)


torch.manual_seed(0)
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(6):
    x = torch.randn(10, 3)
    loss = (net(x) - x).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
