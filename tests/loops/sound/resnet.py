"""Resnet."""

import torch
from torch import nn

torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        self.n, self.m = nn.BatchNorm2d(c), nn.BatchNorm2d(c)

    def forward(self, x):
        h = torch.relu(self.n(self.a(x)))
        return torch.relu(x + self.m(self.b(h)))


net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), *[Block(8) for _ in range(6)], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
)
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
x = torch.randn(12, 1, 8, 8)
y = torch.arange(12) % 3
for _ in range(8):
    opt.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    opt.step()
