"""The losses of all iterations are differentiated each time."""

import torch

x = torch.tensor([3.0, 2.0], requires_grad=True)
a = torch.tensor([1.0, 4.0])
total = 0
for _ in range(8):
    total += (a * x).sum().abs()  # fault: graph-grows
    total.backward(retain_graph=True)
    with torch.no_grad():
        x -= 0.01 * x.grad
    x.grad = None
