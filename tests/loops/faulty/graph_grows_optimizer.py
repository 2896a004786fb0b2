"""A state that carries the graphs of all iterations before."""

import torch

torch.manual_seed(0)
w = torch.tensor([0.5, -0.2], requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.01)
state = torch.zeros(2)
for _ in range(9):
    state = state + w  # fault: graph-grows
    loss = (state - 1).abs().sum()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
