"""Zero grad gan."""

import torch
from torch import nn

torch.manual_seed(0)
g, d = nn.Linear(2, 1), nn.Linear(1, 1)
og, od = torch.optim.SGD(g.parameters(), lr=0.01), torch.optim.SGD(d.parameters(), lr=0.01)
for _ in range(6):
    fake = g(torch.randn(8, 2))
    ld = nn.functional.softplus(d(fake.detach())).mean() + nn.functional.softplus(-d(torch.randn(8, 1))).mean()
    od.zero_grad()
    ld.backward()
    od.step()
    lg = nn.functional.softplus(-d(fake)).mean()
    lg.backward()  # fault: zero-grad-forgotten
    og.step()
