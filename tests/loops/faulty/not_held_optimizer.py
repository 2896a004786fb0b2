"""The optimizer holds the first layer only."""

import torch

torch.manual_seed(0)
encoder = torch.nn.Linear(4, 2)
decoder = torch.nn.Linear(2, 4)
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)  # fault: not-held
data = torch.randn(10, 4)
for _ in range(8):
    loss = ((decoder(encoder(data)) - data) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
