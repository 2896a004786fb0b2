"""The schedule brings the rate to 0 after the second step."""

import torch

torch.manual_seed(0)
w = torch.nn.Parameter(torch.tensor([4.0, -1.0]))
optimizer = torch.optim.SGD([w], lr=0.02)
schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2], gamma=0.0)
for _ in range(12):
    optimizer.zero_grad()
    loss = w.square().sum()
    loss.backward()
    optimizer.step()
    schedule.step()  # fault: lr-zero
