"""Rows of an embedding that a batch does not have get a gradient of 0."""

import torch

torch.manual_seed(0)
words = torch.nn.Embedding(30, 4)
head = torch.nn.Linear(4, 2)
optimizer = torch.optim.SGD([*words.parameters(), *head.parameters()], lr=0.5)
for k in range(20):
    tokens = torch.arange(6) + k % 3 * 6
    loss = torch.nn.functional.cross_entropy(head(words(tokens)), tokens % 2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
