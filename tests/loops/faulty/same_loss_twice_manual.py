"""One loss, two backwards: twice the gradient."""

import torch

x = torch.tensor([3.0, 2.0], requires_grad=True)
for _ in range(5):
    loss = (x**2).sum()
    loss.backward(retain_graph=True)
    loss.backward()  # fault: two-backwards
    with torch.no_grad():
        x -= 0.1 * x.grad
    x.grad.zero_()
