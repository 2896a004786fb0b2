"""The gradients of four batches are added up on purpose."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
data = torch.randn(64, 3)
for _ in range(4):
    for i, batch in enumerate(data.split(8)):
        loss = (model(batch) - batch.sum(1, keepdim=True)).square().mean() / 4
        loss.backward()
        if (i + 1) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
