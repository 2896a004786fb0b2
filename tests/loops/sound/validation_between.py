"""An evaluation under no_grad after each epoch."""

import torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.2), torch.nn.GELU(), torch.nn.Linear(8, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
x, held_out = torch.randn(48, 3), torch.randn(16, 3)
best = float("inf")
for _ in range(12):
    model.train()
    for batch in x.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.mean(1, keepdim=True)).square().mean()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        score = (model(held_out) - held_out.mean(1, keepdim=True)).square().mean()
    best = min(best, float(score))
