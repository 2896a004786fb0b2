"""Reduce on plateau."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.1)
s = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=1)
x = torch.randn(20, 2)
for _ in range(20):
    loss = (m(x) - x.sum(1, keepdim=True)).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    s.step(loss.item())
