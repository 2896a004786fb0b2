"""Zero between set to none false."""

import torch

m = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9)
for _ in range(4):
    loss = (m(torch.ones(2, 2)) - 3).square().mean()
    loss.backward()
    m.zero_grad(set_to_none=False)  # fault: zero-grad-before-step
    opt.step()
