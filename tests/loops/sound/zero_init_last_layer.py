"""Zero init last layer."""

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(2, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
torch.nn.init.zeros_(net[2].weight)
torch.nn.init.zeros_(net[2].bias)
x = torch.randn(20, 2)
y = x[:, :1]
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(30):
    opt.zero_grad()
    loss = (net(x) - y).square().mean()
    loss.backward()
    opt.step()
