"""Numpy."""

import numpy as np
import torch

w = torch.tensor([1.0, 2.0], requires_grad=True)
for _ in range(3):
    p = np.exp(w.detach().numpy())  # fault: detached
    loss = torch.tensor(p.sum(), requires_grad=True)
    loss.backward()
    with torch.no_grad():
        if w.grad is not None:
            w -= 0.1 * w.grad
