"""A running total of numbers, and one of losses within an iteration."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
x, y = torch.randn(12, 3), torch.randn(12, 1)
total = 0.0
for _ in range(12):
    loss = 0
    for part in range(3):
        loss += ((model(x[4 * part : 4 * part + 4]) - y[4 * part : 4 * part + 4]) ** 2).mean() / 3
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    total += loss.item()
print(total)
