"""A likelihood that is made large."""

import torch

data = torch.tensor([0.5, 1.5, 2.5, 1.0])
mu = torch.tensor(0.0, requires_grad=True)
log_sigma = torch.tensor(0.0, requires_grad=True)
for _ in range(40):
    likelihood = torch.distributions.Normal(mu, log_sigma.exp()).log_prob(data).mean()
    likelihood.backward()
    with torch.no_grad():
        for leaf in (mu, log_sigma):
            leaf += 0.1 * leaf.grad
            leaf.grad = None
