"""Two backwards on one graph, with retain_graph."""

import torch

torch.manual_seed(0)
shared, one, other = torch.nn.Linear(2, 3), torch.nn.Linear(3, 1), torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD([*shared.parameters(), *one.parameters(), *other.parameters()], lr=0.05)
x = torch.randn(20, 2)
for _ in range(20):
    optimizer.zero_grad()
    h = shared(x)
    (one(h) - x[:, :1]).square().mean().backward(retain_graph=True)
    (other(h) - x[:, 1:]).square().mean().backward()
    optimizer.step()
