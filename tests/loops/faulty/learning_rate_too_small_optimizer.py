"""A rate of a millionth."""

import torch

torch.manual_seed(0)
x = torch.randn(50, 2)
y = 3 * x[:, :1] - x[:, 1:]
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)  # fault: learning-rate-too-small
for _ in range(40):
    optimizer.zero_grad()
    loss = (model(x) - y).square().mean()
    loss.backward()
    optimizer.step()
