"""Sum big."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(100, 5)
opt = torch.optim.SGD(m.parameters(), lr=0.001)
x = torch.randn(100, 100)
y = torch.arange(100) % 5
for _ in range(3):
    for i in range(0, 100, 32):
        scores, classes = m(x[i : i + 32]), y[i : i + 32]
        loss = torch.nn.functional.cross_entropy(scores, classes, reduction="sum")  # fault: not-averaged
        opt.zero_grad()
        loss.backward()
        opt.step()
