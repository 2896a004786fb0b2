"""The loop with torch.optim.SGD, so many steps, each recorded with ``.item()``. Prints the seconds that it took."""

import sys
import time

import torch


def f(x: torch.Tensor) -> torch.Tensor:
    """The objective."""
    return (x - 1.5) ** 2


steps = int(sys.argv[1])
x = torch.tensor(4, dtype=torch.float32, requires_grad=True)
started = time.perf_counter()  # before the optimizer: PyTorch imports more for it, and gdcli makes its own in time too
optimizer = torch.optim.SGD([x], lr=0.1)
records = []
for i in range(steps):
    y = f(x)
    optimizer.zero_grad()
    y.backward()
    records.append((i, y.item(), x.item(), x.grad.item()))
    optimizer.step()
print(time.perf_counter() - started)
