"""Gan shared noise epochs."""

import torch
from torch import nn

torch.manual_seed(0)
G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1), nn.Sigmoid())
for_g, for_d = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
bce = nn.BCELoss()
for _ in range(12):
    real = torch.randn(32, 2)
    D.zero_grad()
    bce(D(real), torch.ones(32, 1)).backward()
    fake = G(torch.randn(32, 4))
    bce(D(fake.detach()), torch.zeros(32, 1)).backward()
    for_d.step()
    G.zero_grad()
    bce(D(fake), torch.ones(32, 1)).backward()
    for_g.step()
