"""Train function."""

import torch
from torch import nn, optim


def train(model, loader, optimizer, criterion, epochs=3):
    history = []
    for _ in range(epochs):
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            out = model(xb)
            loss = criterion(out, yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
        history.append(total)
    return history


def main():
    torch.manual_seed(0)
    x = torch.randn(100, 5)
    y = (x.sum(1) > 0).long()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=32, shuffle=True)
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 2))
    opt = optim.Adam(model.parameters(), lr=1e-2)
    (train(model, loader, opt, nn.CrossEntropyLoss()))


main()
