"""The model is made anew after its optimizer."""

import torch

torch.manual_seed(0)
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)  # fault: not-held
model = torch.nn.Linear(2, 1)
x = torch.randn(10, 2)
for _ in range(8):
    model.zero_grad()
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
