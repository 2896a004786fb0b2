"""Nan later."""

import torch

w = torch.tensor([3.0], requires_grad=True)
opt = torch.optim.SGD([w], lr=0.6)
for _ in range(12):
    opt.zero_grad()
    loss = torch.sqrt(w).sum() + w.sum()  # fault: not-finite
    loss.backward()
    opt.step()
