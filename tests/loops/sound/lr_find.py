"""Lr find."""

import torch

torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
best = None
for lr in (1e-3, 1e-2, 1e-1):
    m = torch.nn.Linear(4, 1)
    opt = torch.optim.SGD(m.parameters(), lr=lr)
    for _ in range(15):
        opt.zero_grad()
        loss = torch.nn.functional.mse_loss(m(x), y)
        loss.backward()
        opt.step()
    if best is None or loss.item() < best[0]:
        best = (loss.item(), lr)
