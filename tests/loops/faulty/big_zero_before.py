"""Big zero before."""

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(50, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
for _ in range(20):
    x = torch.randn(32, 50)
    loss = net(x).square().mean()
    loss.backward()
    opt.zero_grad()  # fault: zero-grad-before-step
    opt.step()
