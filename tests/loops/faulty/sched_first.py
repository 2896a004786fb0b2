"""Sched first."""

import torch

m = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.1)
s = torch.optim.lr_scheduler.StepLR(opt, 1, 0.5)
for _ in range(4):
    s.step()  # fault: schedule-before-step
    loss = m(torch.ones(2, 2)).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
