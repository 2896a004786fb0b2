"""Small adam."""

import torch

torch.manual_seed(0)
x = torch.randn(50, 2)
y = x @ torch.tensor([[3.0], [-1.0]])
m = torch.nn.Linear(2, 1)
opt = torch.optim.Adam(m.parameters(), lr=1e-7)  # fault: learning-rate-too-small
for _ in range(40):
    opt.zero_grad()
    loss = (m(x) - y).square().mean()
    loss.backward()
    opt.step()
