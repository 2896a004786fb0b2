"""A policy gradient: the advantage is detached, the actions are sampled."""

import torch

torch.manual_seed(0)
policy, critic = torch.nn.Linear(3, 2), torch.nn.Linear(3, 1)
optimizer = torch.optim.Adam([*policy.parameters(), *critic.parameters()], lr=0.01)
for _ in range(15):
    state = torch.randn(32, 3)
    choice = torch.distributions.Categorical(logits=policy(state))
    action = choice.sample()
    reward = (action == (state[:, 0] > 0).long()).float()
    value = critic(state).squeeze(1)
    advantage = (reward - value).detach()
    loss = -(choice.log_prob(action) * advantage).mean() + (value - reward).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
