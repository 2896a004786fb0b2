"""Distill."""

import torch

torch.manual_seed(0)
teacher = torch.nn.Linear(4, 3)
student = torch.nn.Linear(4, 3)
opt = torch.optim.SGD(student.parameters(), lr=0.5)
for _ in range(20):
    x = torch.randn(32, 4)
    with torch.no_grad():
        t = teacher(x).softmax(1)
    loss = torch.nn.functional.kl_div(student(x).log_softmax(1), t, reduction="batchmean")
    opt.zero_grad()
    loss.backward()
    opt.step()
