"""No update gradients only."""

import torch

x = torch.linspace(-2, 2, 9)
grads = []
for v in x:
    t = v.clone().requires_grad_(True)
    y = t**3
    y.backward()
    grads.append(t.grad.item())
