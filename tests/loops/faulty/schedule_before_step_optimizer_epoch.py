"""The schedule steps at the beginning of each epoch."""

import torch

torch.manual_seed(0)
w = torch.nn.Parameter(torch.randn(3))
optimizer = torch.optim.Adam([w], lr=0.1)
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
for _ in range(6):
    schedule.step()  # fault: schedule-before-step
    for batch in torch.eye(3).split(1):
        optimizer.zero_grad()
        loss = (batch @ w - 1).square().mean()
        loss.backward()
        optimizer.step()
