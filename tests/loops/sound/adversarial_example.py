"""Adversarial example."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(5, 2)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(10):
    x = torch.randn(16, 5)
    y = (x[:, 0] > 0).long()
    x.requires_grad_(True)
    loss = torch.nn.functional.cross_entropy(model(x), y)
    (g,) = torch.autograd.grad(loss, x)
    xa = (x + 0.01 * g.sign()).detach()
    opt.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(xa), y)
    loss.backward()
    opt.step()
