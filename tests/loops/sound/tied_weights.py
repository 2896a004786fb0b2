"""One matrix in two places."""

import torch

torch.manual_seed(0)
w = torch.nn.Parameter(torch.randn(5, 2) * 0.3)
optimizer = torch.optim.Adam([w], lr=0.02)
x = torch.randn(30, 5)
for _ in range(30):
    optimizer.zero_grad()
    loss = (x @ w @ w.T - x).square().mean()
    loss.backward()
    optimizer.step()
