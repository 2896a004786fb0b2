"""A classifier whose accuracy is measured by comparisons, argmax and item."""

import torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(2, 12), torch.nn.ReLU(), torch.nn.Linear(12, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
x = torch.randn(60, 2)
labels = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
total = 0.0
for _ in range(30):
    scores = model(x)
    loss = torch.nn.functional.cross_entropy(scores, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    total += loss.item()
    accuracy = (scores.argmax(1) == labels).float().mean().item()
