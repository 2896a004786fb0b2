"""A sum that is divided by the size of the batch."""

import torch

torch.manual_seed(0)
data = torch.randn(22, 2)
w = torch.zeros(2, requires_grad=True)
for _ in range(8):
    for batch in data.split(8):
        w.grad = None
        loss = (batch @ w - batch.sum(1)).square().sum() / len(batch)
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
