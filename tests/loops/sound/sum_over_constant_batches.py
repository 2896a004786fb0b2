"""A sum over batches that are equally large, with its rate made for it."""

import torch

torch.manual_seed(0)
data = torch.randn(40, 2)
w = torch.zeros(2, requires_grad=True)
for _ in range(5):
    for batch in data.split(8):
        loss = (batch @ w - batch.sum(1)).square().sum()
        loss.backward()
        with torch.no_grad():
            w -= 0.01 * w.grad
        w.grad = None
