"""The weights are clamped in place while autograd records."""

import torch

torch.manual_seed(0)
layer = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
data = torch.randn(8, 2)
for _ in range(4):
    optimizer.zero_grad()
    loss = (layer(data) - 1).pow(2).mean()
    loss.backward()
    optimizer.step()
    layer.weight.clamp_(-1, 1)  # fault: update-outside-no-grad
