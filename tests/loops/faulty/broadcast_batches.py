"""Broadcast batches."""

import torch

torch.manual_seed(0)
m = torch.nn.Linear(3, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.05)
X = torch.randn(40, 3)
Y = X.sum(1)
ds = torch.utils.data.TensorDataset(X, Y)
for xb, yb in torch.utils.data.DataLoader(ds, batch_size=8):
    pred = m(xb)
    loss = ((pred - yb) ** 2).mean()  # fault: broadcast
    opt.zero_grad()
    loss.backward()
    opt.step()
