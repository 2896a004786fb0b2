"""Gmm em style."""

import torch

torch.manual_seed(0)
data = torch.cat([torch.randn(50) - 2, torch.randn(50) + 2])
mu = torch.tensor([-0.5, 0.5], requires_grad=True)
logit = torch.zeros(2, requires_grad=True)
opt = torch.optim.Adam([mu, logit], lr=0.1)
for _ in range(60):
    lp = torch.distributions.Normal(mu, 1.0).log_prob(data[:, None]) + logit.log_softmax(0)
    loss = -lp.logsumexp(1).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
