"""The norm of a difference that is 0, in a branch that is not chosen."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(2, 2, bias=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
x = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
for _ in range(3):
    optimizer.zero_grad()
    squares = model(x).square().sum(1)
    roots = squares.sqrt()  # fault: not-finite
    loss = torch.where(squares > 0, roots, torch.zeros(2)).mean()
    loss.backward()
    optimizer.step()
