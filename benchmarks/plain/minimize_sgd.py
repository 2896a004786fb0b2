"""What a user would write instead of ``gdcli minimize --steps 100 --optimizer sgd``: torch.optim.SGD, printed."""

import torch


def f(x: torch.Tensor) -> torch.Tensor:
    """The objective."""
    return (x - 1.5) ** 2


x = torch.tensor([4], dtype=torch.float32, requires_grad=True)
optimizer = torch.optim.SGD([x], lr=0.1)
for i in range(100):
    y = f(x)
    optimizer.zero_grad()
    y.backward()
    optimizer.step()
    print(f"iteration {i}, x {x}, loss {y}, grad {x.grad}")
