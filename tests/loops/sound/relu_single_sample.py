"""Relu single sample."""

import torch

torch.manual_seed(0)
X = torch.randn(50, 3)
Y = torch.relu(X @ torch.tensor([1.0, -2.0, 0.5]))
l1, l2 = torch.nn.Linear(3, 8), torch.nn.Linear(8, 1)
opt = torch.optim.SGD([*l1.parameters(), *l2.parameters()], lr=0.02)
for _ in range(3):
    for x, y in zip(X, Y, strict=False):
        opt.zero_grad()
        loss = (l2(torch.relu(l1(x))).squeeze() - y) ** 2
        loss.backward()
        opt.step()
