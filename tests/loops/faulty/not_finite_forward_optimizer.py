"""A cross-entropy by hand of a softmax that underflows."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(2, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(10, 2)
x[4] = torch.tensor([400.0, -900.0])
labels = torch.arange(10) % 3
for _ in range(4):
    optimizer.zero_grad()
    probabilities = torch.softmax(model(x), 1)
    logs = torch.log(probabilities)  # fault: not-finite
    loss = -(logs * torch.nn.functional.one_hot(labels, 3)).sum(1).mean()
    loss.backward()
    optimizer.step()
