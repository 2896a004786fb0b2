"""Input optimization."""

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
img = torch.randn(1, 4, requires_grad=True)
opt = torch.optim.Adam([img], lr=0.1)
for _ in range(20):
    opt.zero_grad()
    loss = -net(img).sum()
    loss.backward()
    opt.step()
