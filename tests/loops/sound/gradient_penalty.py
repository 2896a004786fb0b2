"""A gradient in the loss: autograd.grad with create_graph."""

import torch

torch.manual_seed(0)
critic = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Softplus(), torch.nn.Linear(8, 1))
optimizer = torch.optim.Adam(critic.parameters(), lr=0.01)
for _ in range(15):
    x = torch.randn(16, 2, requires_grad=True)
    score = critic(x).mean()
    (slope,) = torch.autograd.grad(score * 16, x, create_graph=True)
    loss = score.square() + (slope.norm(dim=1) - 1).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
