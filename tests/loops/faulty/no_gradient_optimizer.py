"""The prediction is made in a function that is decorated with no_grad."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(6, 2)


@torch.no_grad()
def predict(data):
    return model(data)


for _ in range(3):
    optimizer.zero_grad()
    loss = (predict(x) - 1).square().mean()
    loss.backward()  # fault: no-gradient
    optimizer.step()
