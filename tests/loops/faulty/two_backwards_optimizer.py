"""The state of a recurrent layer goes on from batch to batch with its graph."""

import torch

torch.manual_seed(0)
cell = torch.nn.RNNCell(2, 4)
out = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD([*cell.parameters(), *out.parameters()], lr=0.05)
state = torch.zeros(1, 4)
for k in range(4):
    x = torch.full((1, 2), float(k))
    state = cell(x, state)
    loss = (out(state) - k).square().mean()
    optimizer.zero_grad()
    loss.backward()  # fault: two-backwards
    optimizer.step()
