"""Dqn."""

import copy
import random

import torch
from torch import nn

torch.manual_seed(0)
random.seed(0)
q = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
tq = copy.deepcopy(q)
opt = torch.optim.Adam(q.parameters(), 1e-3)
mem = []
s = torch.randn(4)
for t in range(60):
    a = random.randrange(2) if random.random() < 0.3 else int(q(s).argmax())
    s2 = torch.randn(4)
    r = float(s2[a] > 0)
    mem.append((s, a, r, s2))
    s = s2
    if len(mem) < 16:
        continue
    b = random.sample(mem, 16)
    S = torch.stack([m[0] for m in b])
    A = torch.tensor([m[1] for m in b])
    R = torch.tensor([m[2] for m in b])
    S2 = torch.stack([m[3] for m in b])
    with torch.no_grad():
        y = R + 0.9 * tq(S2).max(1).values
    v = q(S)[range(16), A]
    loss = nn.functional.smooth_l1_loss(v, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if t % 10 == 0:
        tq.load_state_dict(q.state_dict())
