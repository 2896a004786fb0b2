"""zero_grad between backward and step."""

import torch

torch.manual_seed(1)
x, y = torch.randn(16, 3), torch.randn(16, 1)
net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(10):
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    opt.zero_grad()  # fault: zero-grad-before-step
    opt.step()
