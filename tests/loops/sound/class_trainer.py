"""Class trainer."""

import torch


class Trainer:
    def __init__(self):
        torch.manual_seed(0)
        self.net = torch.nn.Linear(3, 1)
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
        self.sched = torch.optim.lr_scheduler.StepLR(self.opt, 5, 0.5)

    def step(self, x, y):
        self.opt.zero_grad()
        loss = torch.nn.functional.mse_loss(self.net(x).squeeze(-1), y)
        loss.backward()
        self.opt.step()
        return loss.item()

    def fit(self, n):
        for _ in range(n):
            x = torch.randn(20, 3)
            self.step(x, x.sum(1))
            self.sched.step()


Trainer().fit(25)
