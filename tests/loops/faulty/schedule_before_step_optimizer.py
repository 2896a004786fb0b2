"""The schedule steps before the optimizer and so leaves out its first rate."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
x = torch.randn(12, 2)
for _ in range(9):
    optimizer.zero_grad()
    loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
    loss.backward()
    schedule.step()  # fault: schedule-before-step
    optimizer.step()
