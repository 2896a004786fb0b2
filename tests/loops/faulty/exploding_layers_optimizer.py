"""A recurrence of thirty steps with a matrix that is too large."""

import torch

torch.manual_seed(0)
first = torch.nn.Linear(4, 4)
middle = torch.nn.ModuleList(torch.nn.Linear(4, 4) for _ in range(9))
with torch.no_grad():
    for layer in middle:
        layer.weight *= 8
optimizer = torch.optim.Adam([*first.parameters(), *middle.parameters()], lr=1e-4)
x = torch.randn(6, 4)
for _ in range(3):
    optimizer.zero_grad()
    h = first(x)
    for layer in middle:
        h = torch.nn.functional.relu(layer(h)) + h
    loss = h.mean().square()
    loss.backward()  # fault: exploding-gradient
    optimizer.step()
