"""Sequences that become longer, as a curriculum has them: the graph grows as it should."""

import torch

torch.manual_seed(0)
w = torch.tensor([0.5, -0.2], requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.01)
for length in range(2, 14):
    state = torch.zeros(2)
    for _ in range(length):
        state = 0.5 * state + w
    loss = ((state - 1) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
