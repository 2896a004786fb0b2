"""The features are detached before the head."""

import torch

torch.manual_seed(0)
body = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU())
head = torch.nn.Linear(8, 1)
optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=0.01)
x = torch.randn(32, 2)
y = (x[:, :1] > 0).float()
for _ in range(6):
    optimizer.zero_grad()
    features = body(x).detach()  # fault: detached
    loss = torch.nn.functional.binary_cross_entropy_with_logits(head(features), y)
    loss.backward()
    optimizer.step()
