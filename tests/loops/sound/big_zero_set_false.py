"""Big zero set false."""

import torch

torch.manual_seed(0)
x = torch.randn(256, 100)
y = x.sum(1, keepdim=True)
m = torch.nn.Linear(100, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.05)
for _ in range(50):
    opt.zero_grad(set_to_none=False)
    loss = (m(x) - y).square().mean()
    loss.backward()
    opt.step()
