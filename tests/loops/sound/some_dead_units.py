"""A few of many ReLUs are 0 for all inputs, and the network learns."""

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(2, 20), torch.nn.ReLU(), torch.nn.Linear(20, 1))
with torch.no_grad():
    net[0].bias[:2] = -20.0
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
x = torch.randn(50, 2)
for _ in range(40):
    optimizer.zero_grad()
    loss = (net(x) - x.prod(1, keepdim=True)).square().mean()
    loss.backward()
    optimizer.step()
