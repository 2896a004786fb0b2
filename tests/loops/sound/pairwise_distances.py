"""A matrix of differences that is meant: every point with every other."""

import torch

torch.manual_seed(0)
place = torch.randn(8, requires_grad=True)
wanted = torch.linspace(0, 1, 8)
wanted = (wanted[:, None] - wanted[None, :]).abs()
for _ in range(40):
    distance = (place.unsqueeze(1) - place.unsqueeze(0)).square()
    loss = (distance - wanted.square()).square().mean()
    loss.backward()
    with torch.no_grad():
        place -= 0.1 * place.grad
        place.grad.zero_()
