"""Both layers begin with zeros."""

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
for parameter in net.parameters():
    torch.nn.init.zeros_(parameter)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(20, 2)
x = torch.cat([x, -x])
y = x[:, :1] + x[:, 1:]
for _ in range(12):
    optimizer.zero_grad()
    loss = (net(x) - y).square().mean()
    loss.backward()  # fault: saddle
    optimizer.step()
