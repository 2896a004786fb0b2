"""A date in seconds, in float32."""

import torch

moment = torch.nn.Parameter(torch.tensor(1.7e9))
optimizer = torch.optim.SGD([moment], lr=0.1)  # fault: float-floor
goal = torch.tensor(1.7e9 + 256)
for _ in range(10):
    optimizer.zero_grad()
    loss = (moment - goal).square()
    loss.backward()
    optimizer.step()
