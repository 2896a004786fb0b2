"""The first optimizer changes weights that the second backward needs."""

import torch

torch.manual_seed(0)
first, second = torch.nn.Linear(3, 4), torch.nn.Linear(4, 1)
one = torch.optim.SGD(second.parameters(), lr=0.1)
two = torch.optim.SGD(first.parameters(), lr=0.1)
x, y = torch.randn(10, 3), torch.randn(10, 1)
for _ in range(3):
    hidden = torch.tanh(first(x))
    out = second(hidden)
    a = ((out - y) ** 2).mean()
    b = out.abs().mean()
    one.zero_grad()
    a.backward(retain_graph=True)
    one.step()
    two.zero_grad()
    b.backward()  # fault: changed-in-place
    two.step()
