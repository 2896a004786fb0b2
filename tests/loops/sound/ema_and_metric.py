"""Ema and metric."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(3, 1)
ema = [p.detach().clone() for p in m.parameters()]
opt = torch.optim.RMSprop(m.parameters(), lr=0.01)
running = None
for _ in range(30):
    x = torch.randn(16, 3)
    loss = torch.nn.functional.l1_loss(m(x), x.sum(1, keepdim=True))
    opt.zero_grad()
    loss.backward()
    opt.step()
    running = loss.detach() if running is None else 0.9 * running + 0.1 * loss.detach()
    for e, p in zip(ema, m.parameters(), strict=False):
        e.mul_(0.9).add_(p.data, alpha=0.1)
