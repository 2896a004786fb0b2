"""Zero grad outside batches."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(3, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.05)
for _ in range(4):
    opt.zero_grad()
    for x in torch.randn(32, 3).split(8):
        loss = (m(x) - x.sum(1, keepdim=True)).square().mean()
        loss.backward()  # fault: zero-grad-forgotten
        opt.step()
