"""Pinn."""

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
t = torch.linspace(0, 1, 20).reshape(-1, 1).requires_grad_()
for _ in range(20):
    u = net(t)
    du = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
    loss = (du + u).square().mean() + (u[0] - 1).square().sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
