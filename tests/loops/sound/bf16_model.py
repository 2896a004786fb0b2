"""Bf16 model."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(4, 1).to(torch.bfloat16)
x = torch.randn(32, 4, dtype=torch.bfloat16)
y = x.sum(1, keepdim=True)
opt = torch.optim.SGD(m.parameters(), lr=0.1)
for _ in range(30):
    loss = (m(x) - y).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
