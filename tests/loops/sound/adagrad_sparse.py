"""Adagrad sparse."""

import torch

torch.manual_seed(0)
e = torch.nn.Embedding(100, 8, sparse=True)
opt = torch.optim.SparseAdam(list(e.parameters()), lr=0.05)
for _ in range(20):
    i = torch.randint(0, 100, (16,))
    loss = (e(i).sum(1) - 1).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
