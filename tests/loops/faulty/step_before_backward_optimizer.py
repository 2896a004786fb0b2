"""zero_grad, step, backward: the step has no gradient."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(12, 3)
for _ in range(6):
    loss = (model(x) - 2).pow(2).mean()
    optimizer.zero_grad()
    optimizer.step()  # fault: step-before-backward
    loss.backward()
