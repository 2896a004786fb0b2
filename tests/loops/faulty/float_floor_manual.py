"""bfloat16 has no number between 256 and 258."""

import torch

w = torch.tensor(256.0, dtype=torch.bfloat16, requires_grad=True)
for _ in range(10):
    loss = (w - 200) ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.001 * w.grad  # fault: float-floor
        w.grad.zero_()
