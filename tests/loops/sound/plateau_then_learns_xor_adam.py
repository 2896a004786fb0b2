"""Plateau then learns xor adam."""

import torch

torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1), torch.nn.Sigmoid())
X = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(60):
    opt.zero_grad()
    loss = torch.nn.functional.binary_cross_entropy(net(X), Y)
    loss.backward()
    opt.step()
