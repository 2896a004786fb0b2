"""A target that is detached, and a second network that follows the first."""

import copy

import torch

torch.manual_seed(0)
online = torch.nn.Linear(2, 2)
target = copy.deepcopy(online)
optimizer = torch.optim.SGD(online.parameters(), lr=0.05)
for _ in range(20):
    state, later = torch.randn(16, 2), torch.randn(16, 2)
    wanted = (1.0 + 0.5 * target(later).max(1).values).detach()
    value = online(state).gather(1, torch.zeros(16, 1, dtype=torch.long)).squeeze(1)
    loss = (value - wanted).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(target.parameters(), online.parameters(), strict=True):
            slow.lerp_(fast, 0.1)
