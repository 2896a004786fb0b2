"""Two losses of one graph, backward of each."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(3, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
x, y = torch.randn(12, 3), torch.randn(12, 2)
for _ in range(12):
    out = model(x)
    loss = ((out - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    loss = 0.01 * (out**2).mean()
    loss.backward()
    optimizer.step()
