"""No update accumulate on purpose."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(3, 1)
for x in torch.randn(40, 3).split(8):
    m(x).square().sum().backward()
g = m.weight.grad / 40
