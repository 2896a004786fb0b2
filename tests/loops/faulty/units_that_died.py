"""Most units of a layer die in the first steps, and the rest goes on."""

import torch

torch.manual_seed(0)
first, last = torch.nn.Linear(3, 24), torch.nn.Linear(24, 1)
optimizer = torch.optim.SGD([*first.parameters(), *last.parameters()], lr=0.001)
x = torch.rand(40, 3)
y = x.sum(1, keepdim=True)
for k in range(40):
    optimizer.zero_grad()
    h = torch.relu(first(x))  # fault: dead-relu
    loss = (last(h) - y).square().mean()
    loss.backward()
    optimizer.step()
    if k == 5:
        with torch.no_grad():
            first.bias[:20] -= 9
