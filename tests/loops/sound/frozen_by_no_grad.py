"""Features of a network that is not to learn."""

import torch

torch.manual_seed(0)
features = torch.nn.Sequential(torch.nn.Linear(2, 6), torch.nn.ReLU())
head = torch.nn.Linear(6, 1)
optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
x = torch.randn(24, 2)
for _ in range(20):
    with torch.no_grad():
        h = features(x)
    loss = (head(h) - x.sum(1, keepdim=True)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
