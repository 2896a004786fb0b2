"""No step fn."""

import torch

torch.manual_seed(0)


def train(m, opt):
    for _ in range(5):
        opt.zero_grad()
        loss = m(torch.ones(4, 2)).square().mean()
        loss.backward()  # fault: never-stepped


m = torch.nn.Linear(2, 1)
train(m, torch.optim.Adam(m.parameters()))
