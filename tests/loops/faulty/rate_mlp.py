"""Rate mlp."""

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
x = torch.randn(50, 4)
y = x.sum(1, keepdim=True)
opt = torch.optim.SGD(net.parameters(), lr=5.0)  # fault: learning-rate-too-large
for _ in range(20):
    opt.zero_grad()
    loss = (net(x) - y).square().mean()
    loss.backward()
    opt.step()
