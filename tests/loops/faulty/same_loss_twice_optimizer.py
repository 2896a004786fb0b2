"""One loss, two backwards, with weights that are many."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(30, 10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
x, y = torch.randn(20, 30), torch.randn(20, 10)
for _ in range(5):
    optimizer.zero_grad()
    loss = ((model(x) - y) ** 2).mean()
    loss.backward(retain_graph=True)
    print(loss.item())
    loss.backward()  # fault: two-backwards
    optimizer.step()
