"""Deep relu."""

import torch
from torch import nn

torch.manual_seed(0)
ls = []
for _ in range(8):
    ls += [nn.Linear(32, 32), nn.ReLU()]
net = nn.Sequential(*ls, nn.Linear(32, 1))
for m in net:
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight)
        nn.init.zeros_(m.bias)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
x = torch.randn(64, 32)
y = x[:, :1]
for _ in range(25):
    loss = nn.functional.mse_loss(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
