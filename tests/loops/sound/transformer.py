"""Transformer."""

import torch
from torch import nn

torch.manual_seed(0)
layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
net = nn.TransformerEncoder(layer, 2)
head = nn.Linear(16, 5)
emb = nn.Embedding(5, 16)
ps = [*net.parameters(), *head.parameters(), *emb.parameters()]
opt = torch.optim.AdamW(ps, lr=1e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 1e-2, total_steps=20)
for _ in range(15):
    t = torch.randint(0, 5, (8, 10))
    loss = nn.functional.cross_entropy(head(net(emb(t))).flatten(0, 1), t.flip(1).flatten())
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(ps, 1.0)
    opt.step()
    sched.step()
