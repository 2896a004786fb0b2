"""Finetune two phase."""

import torch

torch.manual_seed(0)
body, head = torch.nn.Linear(4, 6), torch.nn.Linear(6, 1)
x = torch.randn(30, 4)
y = x[:, :1].sin()


def run(params, lr):
    opt = torch.optim.SGD(params, lr=lr)
    for _ in range(10):
        loss = (head(torch.tanh(body(x))) - y).square().mean()
        body.zero_grad()
        head.zero_grad()
        loss.backward()
        opt.step()


for p in body.parameters():
    p.requires_grad = False
run(head.parameters(), 0.1)
for p in body.parameters():
    p.requires_grad = True
run([*body.parameters(), *head.parameters()], 0.05)
