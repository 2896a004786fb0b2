"""Two leaves that take turns: each is updated in every second iteration."""

import torch

a = torch.tensor([2.0, 1.0], requires_grad=True)
b = torch.tensor([-1.0, 0.5], requires_grad=True)
for k in range(24):
    loss = (a - b - 1).square().sum() + 0.5 * (a + b).square().sum()
    loss.backward()
    moving, resting = (a, b) if k % 2 == 0 else (b, a)
    with torch.no_grad():
        moving -= 0.3 * moving.grad
    a.grad = b.grad = None
