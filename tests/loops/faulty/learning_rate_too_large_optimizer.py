"""A regression on inputs that are large for the rate."""

import torch

torch.manual_seed(0)
x = 3 + torch.randn(40, 2)
y = x.sum(1, keepdim=True)
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # fault: learning-rate-too-large
for _ in range(15):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
