"""Rate momentum."""

import torch

x = torch.tensor([1.0, 1.0], requires_grad=True)
opt = torch.optim.SGD([x], lr=0.5, momentum=0.9)  # fault: learning-rate-too-large
for _ in range(30):
    opt.zero_grad()
    loss = 10 * x[0] ** 2 + x[1] ** 2
    loss.backward()
    opt.step()
