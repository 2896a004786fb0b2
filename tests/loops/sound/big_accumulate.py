"""Big accumulate."""

import torch

torch.manual_seed(0)
x = torch.randn(256, 100)
y = x.sum(1, keepdim=True)
m = torch.nn.Linear(100, 1)
opt = torch.optim.Adam(m.parameters(), lr=0.01)
for k in range(32):
    i = torch.randint(0, 256, (32,))
    loss = (m(x[i]) - y[i]).square().mean() / 4
    loss.backward()
    if k % 4 == 3:
        opt.step()
        opt.zero_grad()
