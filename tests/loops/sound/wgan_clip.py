"""Wgan clip."""

import torch
from torch import nn

torch.manual_seed(0)
G = nn.Linear(2, 1)
C = nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 1))
for_g, for_c = torch.optim.RMSprop(G.parameters(), 1e-2), torch.optim.RMSprop(C.parameters(), 1e-2)
for k in range(30):
    x, f = torch.randn(32, 1) + 1, G(torch.randn(32, 2))
    loss = C(f.detach()).mean() - C(x).mean()
    for_c.zero_grad()
    loss.backward()
    for_c.step()
    for p in C.parameters():
        p.data.clamp_(-0.1, 0.1)
    if k % 5 == 0:
        loss = -C(G(torch.randn(32, 2))).mean()
        for_g.zero_grad()
        loss.backward()
        for_g.step()
