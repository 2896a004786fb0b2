"""Never step big."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(100, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.1)
for _ in range(8):
    opt.zero_grad()
    loss = m(torch.randn(8, 100)).square().mean()
    loss.backward()  # fault: never-stepped
    step = opt.step
