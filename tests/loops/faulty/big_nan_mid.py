"""Big nan mid."""

import torch
from torch import nn

torch.manual_seed(0)
n = nn.Linear(50, 4)
opt = torch.optim.SGD(n.parameters(), lr=0.1)
for k in range(20):
    x = torch.randn(32, 50) * (1 if k != 11 else 500)
    p = n(x).exp()  # fault: not-finite
    q = p / p.sum(1, keepdim=True)
    loss = -q[:, 0].clamp(min=1e-6).log().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
