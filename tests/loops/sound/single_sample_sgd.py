"""Single sample sgd."""

import torch

torch.manual_seed(0)
X = torch.randn(50, 2)
Y = X @ torch.tensor([1.0, -2.0]) + 0.1 * torch.randn(50)
w = torch.zeros(2, requires_grad=True)
for _ in range(3):
    for x, y in zip(X, Y, strict=False):
        loss = (x @ w - y) ** 2
        loss.backward()
        with torch.no_grad():
            w -= 0.05 * w.grad
            w.grad.zero_()
