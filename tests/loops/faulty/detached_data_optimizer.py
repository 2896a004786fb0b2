"""The hidden layer goes on as .data."""

import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(2, 5)
        self.out = torch.nn.Linear(5, 1)

    def forward(self, x):
        h = self.hidden(x)
        h = h.data.tanh()  # fault: detached
        return self.out(h)


torch.manual_seed(0)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(16, 2)
for _ in range(5):
    optimizer.zero_grad()
    loss = (net(x) - x[:, :1] * x[:, 1:]).pow(2).mean()
    loss.backward()
    optimizer.step()
