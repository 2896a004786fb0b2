"""The loop by hand over thirty statements, each step recorded with ``.item()``. Prints the seconds of the loop."""

import sys
import time

import torch
from thirty import f

steps = int(sys.argv[1])
x = torch.tensor(4, dtype=torch.float32, requires_grad=True)
records = []
started = time.perf_counter()
for i in range(steps):
    y = f(x)
    y.backward()
    records.append((i, y.item(), x.item(), x.grad.item()))
    with torch.no_grad():
        x -= 0.1 * x.grad
    x.grad.zero_()
print(time.perf_counter() - started)
