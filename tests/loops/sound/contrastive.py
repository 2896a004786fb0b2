"""Contrastive."""

import torch

torch.manual_seed(0)
f, g = torch.nn.Linear(5, 3), torch.nn.Linear(5, 3)
opt = torch.optim.Adam([*f.parameters(), *g.parameters()], lr=0.01)
for _ in range(15):
    x = torch.randn(16, 5)
    s = (
        torch.nn.functional.normalize(f(x), dim=1)
        @ torch.nn.functional.normalize(g(x + 0.1 * torch.randn_like(x)), dim=1).T
    )
    loss = torch.nn.functional.cross_entropy(s / 0.1, torch.arange(16))
    opt.zero_grad()
    loss.backward()
    opt.step()
