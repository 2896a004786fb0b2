"""A network of sines whose weights are twenty times as large as usual."""

import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(6, 6) for _ in range(9))
        with torch.no_grad():
            for layer in self.layers:
                layer.weight *= 20

    def forward(self, x):
        for layer in self.layers:
            x = torch.sin(layer(x))
        return x


torch.manual_seed(0)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
x = torch.randn(8, 6)
for _ in range(4):
    optimizer.zero_grad()
    loss = net(x).square().mean()
    loss.backward()  # fault: exploding-gradient
    optimizer.step()
