"""Loss list."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(3, 3)
opt = torch.optim.SGD(m.parameters(), lr=0.05)
for _ in range(10):
    x = torch.randn(8, 3)
    opt.zero_grad()
    losses = [(m(x)[:, k] - x[:, k]).square().mean() for k in range(3)]
    for loss in losses:
        loss.backward(retain_graph=True)
    opt.step()
