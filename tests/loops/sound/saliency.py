"""Saliency."""

import torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
for p in model.parameters():
    p.requires_grad_(False)
for k in range(3):
    x = torch.randn(1, 4, requires_grad=True)
    model(x)[0, k].backward()
    s = x.grad.abs()
