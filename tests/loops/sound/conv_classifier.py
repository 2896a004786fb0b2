"""Conv classifier."""

import torch
from torch import nn

torch.manual_seed(0)


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, padding=1)
        self.c2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc1 = nn.Linear(16 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, 10)
        self.d = nn.Dropout(0.25)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.c1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.c2(x)), 2)
        return nn.functional.log_softmax(self.fc2(self.d(torch.relu(self.fc1(x.flatten(1))))), 1)


net = CNN()
opt = torch.optim.Adadelta(net.parameters(), lr=1.0)
s = torch.optim.lr_scheduler.StepLR(opt, 1, 0.7)
x = torch.randn(128, 1, 16, 16)
y = torch.arange(128) % 10
for _ in range(3):
    net.train()
    for i in range(0, 128, 32):
        opt.zero_grad()
        loss = nn.functional.nll_loss(net(x[i : i + 32]), y[i : i + 32])
        loss.backward()
        opt.step()
    s.step()
