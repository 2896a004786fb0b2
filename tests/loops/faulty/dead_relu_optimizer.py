"""A hidden layer of ReLUs that died from a bias far below 0."""

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
with torch.no_grad():
    net[0].bias.fill_(-30.0)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
x = torch.randn(32, 3)
y = x.sum(1, keepdim=True)
for _ in range(12):
    optimizer.zero_grad()
    prediction = net(x)  # fault: dead-relu
    loss = (prediction - y).square().mean()
    loss.backward()
    optimizer.step()
