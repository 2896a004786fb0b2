"""One factor of the loss is taken as a Python number."""

import torch

scale = torch.nn.Parameter(torch.tensor(0.1))
shift = torch.nn.Parameter(torch.tensor(0.0))
optimizer = torch.optim.SGD([scale, shift], lr=0.1)
x = torch.linspace(-1, 1, 20)
for _ in range(5):
    optimizer.zero_grad()
    factor = scale.item()  # fault: detached
    loss = ((factor * x + shift - 2 * x) ** 2).mean()
    loss.backward()
    optimizer.step()
