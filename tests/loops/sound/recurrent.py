"""A recurrent network whose state is detached between batches."""

import torch
from torch import nn

torch.manual_seed(0)
rnn, out = nn.GRU(1, 6, batch_first=True), nn.Linear(6, 1)
optimizer = torch.optim.Adam([*rnn.parameters(), *out.parameters()], lr=0.02)
wave = torch.sin(torch.linspace(0, 12, 61)).reshape(1, -1, 1)
for _ in range(5):
    state = None
    for start in range(0, 60, 15):
        h, state = rnn(wave[:, start : start + 15], state)
        state = state.detach()
        loss = nn.functional.mse_loss(out(h), wave[:, start + 1 : start + 16])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rnn.parameters(), 1.0)
        optimizer.step()
