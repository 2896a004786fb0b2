"""What a user would write instead of ``gdcli minimize --steps 100``: the loop by hand, printed."""

import torch


def f(x: torch.Tensor) -> torch.Tensor:
    """The objective."""
    return (x - 1.5) ** 2


x = torch.tensor(4, dtype=torch.float32, requires_grad=True)
for i in range(100):
    y = f(x)
    y.backward()
    print(f"iteration {i}, x {x}, loss {y}, grad {x.grad}")
    with torch.no_grad():
        x -= 0.1 * x.grad
    x.grad.zero_()
