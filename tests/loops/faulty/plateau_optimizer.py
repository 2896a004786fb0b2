"""A tanh that is saturated by inputs that are not scaled."""

import torch

torch.manual_seed(0)
x = 500 + torch.randn(20, 1)
model = torch.nn.Linear(1, 1)
with torch.no_grad():
    model.weight.fill_(0.02)
    model.bias.fill_(0.0)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for _ in range(20):
    optimizer.zero_grad()
    loss = (torch.tanh(model(x)) + 0.5).square().mean()
    loss.backward()  # fault: plateau
    optimizer.step()
