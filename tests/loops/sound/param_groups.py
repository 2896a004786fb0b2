"""Two groups with their own rates, momentum and weight decay."""

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
groups = [{"params": net[0].parameters(), "lr": 0.02}, {"params": net[2].parameters()}]
optimizer = torch.optim.SGD(groups, lr=0.05, momentum=0.8, weight_decay=1e-4)
x = torch.randn(40, 3)
for _ in range(40):
    optimizer.zero_grad()
    loss = (net(x) - x[:, :1].sin()).square().mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
