"""Vae."""

import torch
from torch import nn

torch.manual_seed(0)
enc, dec = nn.Linear(6, 4), nn.Linear(2, 6)
opt = torch.optim.Adam(list(enc.parameters()) + list(dec.parameters()), lr=1e-2)
data = torch.randn(64, 6)
for _ in range(20):
    mu, logvar = enc(data).chunk(2, 1)
    z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
    recon = dec(z)
    loss = (
        nn.functional.mse_loss(recon, data, reduction="sum") / 64 - 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum() / 64
    )
    opt.zero_grad()
    loss.backward()
    opt.step()
