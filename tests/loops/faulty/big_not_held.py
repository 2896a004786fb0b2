"""Big not held."""

import torch
from torch import nn

torch.manual_seed(0)


class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(50, 64)
        self.b = nn.Linear(64, 1)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


n = N()
opt = torch.optim.Adam(n.b.parameters(), lr=1e-3)  # fault: not-held
for _ in range(20):
    x = torch.randn(32, 50)
    loss = (n(x) - 1).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
