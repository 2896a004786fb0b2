"""A small convolutional network with batch normalization."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(
    nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
images = torch.randn(16, 1, 8, 8)
labels = torch.arange(16) % 2
images[labels == 1] += 0.5
for _ in range(12):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(images), labels)
    loss.backward()
    optimizer.step()
