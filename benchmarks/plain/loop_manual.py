"""The loop by hand, so many steps, each recorded with ``.item()``. Prints the seconds that the loop took.

``python benchmarks/plain/loop_manual.py STEPS program`` takes thirty statements in the place of one expression.
"""

import sys
import time

import thirty
import torch


def square(x: torch.Tensor) -> torch.Tensor:
    """The objective."""
    return (x - 1.5) ** 2


steps = int(sys.argv[1])
f = thirty.f if sys.argv[2:] == ["program"] else square
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
