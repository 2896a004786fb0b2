"""L-BFGS calls its closure several times in each step."""

import torch

p = torch.tensor([-1.2, 1.0], requires_grad=True)
optimizer = torch.optim.LBFGS([p], max_iter=5, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
    loss.backward()
    return loss


for _ in range(10):
    optimizer.step(closure)
