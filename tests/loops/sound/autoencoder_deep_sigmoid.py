"""Autoencoder deep sigmoid."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(
    nn.Linear(16, 8), nn.Sigmoid(), nn.Linear(8, 4), nn.Sigmoid(), nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 16)
)
opt = torch.optim.Adam(net.parameters(), lr=0.01)
x = torch.rand(64, 16)
for _ in range(30):
    loss = nn.functional.mse_loss(net(x), x)
    opt.zero_grad()
    loss.backward()
    opt.step()
