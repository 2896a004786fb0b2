"""An accuracy is no loss: a comparison has no gradient."""

import torch

threshold = torch.tensor(0.2, requires_grad=True)
data = torch.linspace(-1, 1, 21)
labels = (data > 0).float()
for _ in range(3):
    predicted = (data > threshold).float()  # fault: detached
    loss = (predicted - labels).abs().mean()
    loss.backward()
    with torch.no_grad():
        threshold -= 0.1 * threshold.grad
