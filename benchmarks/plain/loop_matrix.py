"""The loop by hand over a matrix, a number of steps, each kept as clones. Prints the seconds that the loop took."""

import sys
import time

import torch

steps, size = int(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(0)
W = torch.rand(size, size, requires_grad=True)
records = []
started = time.perf_counter()
for i in range(steps):
    loss = torch.sum((W - 0.5) ** 2)
    loss.backward()
    records.append((i, loss.item(), W.detach().clone(), W.grad.clone()))
    with torch.no_grad():
        W -= 0.001 * W.grad
    W.grad.zero_()
print(time.perf_counter() - started)
