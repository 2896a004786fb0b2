"""Round."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.1)
x = torch.randn(10, 2)
y = (x[:, :1] > 0).float()
for _ in range(3):
    pred = (torch.sigmoid(m(x)) > 0.5).float()  # fault: detached
    loss = torch.nn.functional.mse_loss(pred, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
