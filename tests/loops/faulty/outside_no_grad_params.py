"""Outside no grad params."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(2, 1)
for _ in range(3):
    loss = m(torch.randn(4, 2)).square().mean()
    loss.backward()
    for p in m.parameters():
        p -= 0.1 * p.grad  # fault: update-outside-no-grad
