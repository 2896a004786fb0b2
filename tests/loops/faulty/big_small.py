"""Big small."""

import torch

torch.manual_seed(0)
x = torch.randn(256, 100)
y = x.sum(1, keepdim=True)
m = torch.nn.Linear(100, 1)
opt = torch.optim.SGD(m.parameters(), lr=1e-8)  # fault: learning-rate-too-small
for _ in range(30):
    opt.zero_grad()
    loss = (m(x) - y).square().mean()
    loss.backward()
    opt.step()
