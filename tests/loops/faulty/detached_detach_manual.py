"""The prediction is detached from one of its parts."""

import torch

x = torch.linspace(0, 1, 11)
y = torch.exp(x)
a = torch.tensor(0.5, requires_grad=True)
b = torch.tensor(0.5, requires_grad=True)
for _ in range(5):
    curve = (a * x).exp().detach()  # fault: detached
    loss = ((curve + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for leaf in (a, b):
            if leaf.grad is not None:
                leaf -= 0.1 * leaf.grad
                leaf.grad = None
