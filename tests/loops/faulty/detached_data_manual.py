"""The product is made of the data of a leaf."""

import torch

m = torch.tensor([[1.0, 0.5], [0.0, 1.0]], requires_grad=True)
c = torch.zeros(2, requires_grad=True)
goal = torch.tensor([1.0, 2.0])
for _ in range(5):
    out = m.data @ goal + c  # fault: detached
    loss = (out - goal).square().sum()
    loss.backward()
    for leaf in (m, c):
        if leaf.grad is not None:
            leaf.data -= 0.1 * leaf.grad
            leaf.grad = None
