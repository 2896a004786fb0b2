"""zero_grad at the end of the iteration, with zeros."""

import torch

torch.manual_seed(0)
x = torch.randn(30, 4)
y = x @ torch.tensor([1.0, -1.0, 2.0, 0.5])
w = torch.zeros(4, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(30):
    loss = (x @ w - y).square().mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
