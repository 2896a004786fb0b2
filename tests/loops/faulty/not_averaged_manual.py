"""A loss that is summed over batches of different sizes."""

import torch

torch.manual_seed(0)
data = torch.randn(22, 2)
w = torch.zeros(2, requires_grad=True)
for _ in range(4):
    for batch in data.split(8):
        loss = (batch @ w - batch.sum(1)).square().sum()  # fault: not-averaged
        loss.backward()
        with torch.no_grad():
            w -= 0.01 * w.grad
        w.grad = None
