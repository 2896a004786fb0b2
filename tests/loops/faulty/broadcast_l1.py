"""Broadcast l1."""

import warnings

import torch

warnings.simplefilter("ignore")
torch.manual_seed(0)
m = torch.nn.Linear(3, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.05)
x = torch.randn(15, 3)
y = x.sum(1)
for _ in range(8):
    out = m(x)
    loss = torch.nn.functional.l1_loss(out, y)  # fault: broadcast
    opt.zero_grad()
    loss.backward()
    opt.step()
