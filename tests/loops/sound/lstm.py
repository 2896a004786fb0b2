"""Lstm."""

import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(12, 16)
        self.r = nn.LSTM(16, 32, 2, batch_first=True)
        self.o = nn.Linear(32, 12)

    def forward(self, t):
        h, _ = self.r(self.e(t))
        return self.o(h)


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for _ in range(12):
    t = torch.arange(20).repeat(4, 1) % 12
    loss = nn.functional.cross_entropy(net(t[:, :-1]).reshape(-1, 12), t[:, 1:].reshape(-1))
    opt.zero_grad()
    loss.backward()
    opt.step()
