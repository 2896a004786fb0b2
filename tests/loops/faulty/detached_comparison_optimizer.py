"""The classes, not the scores, are compared with the labels."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(30, 4)
labels = torch.randint(0, 3, (30,))
for _ in range(3):
    optimizer.zero_grad()
    classes = model(x).argmax(1)  # fault: detached
    loss = (classes - labels).float().abs().mean()
    loss.backward()
    optimizer.step()
