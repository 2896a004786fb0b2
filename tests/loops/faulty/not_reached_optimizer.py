"""The second layer is made and never called."""

import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 3)
        self.second = torch.nn.Linear(3, 3)
        self.last = torch.nn.Linear(3, 1)

    def forward(self, x):
        h = torch.tanh(self.first(x))
        h = torch.tanh(self.first(h))
        return self.last(h)


torch.manual_seed(0)
net = Net()
x = torch.randn(12, 3)
y = x.sum(1, keepdim=True)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(8):
    optimizer.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()  # fault: not-reached
    optimizer.step()
