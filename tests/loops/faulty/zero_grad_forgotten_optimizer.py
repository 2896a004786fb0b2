"""A line fitted by SGD without zero_grad."""

import torch

torch.manual_seed(0)
inputs = torch.randn(20, 1)
targets = 3 * inputs + 1
model = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(30):
    loss = torch.nn.functional.mse_loss(model(inputs), targets)
    loss.backward()  # fault: zero-grad-forgotten
    optimizer.step()
