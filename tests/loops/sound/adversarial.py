"""A generator and a discriminator, each with its optimizer."""

import torch
from torch import nn

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(), nn.Linear(8, 1))
discriminator = nn.Sequential(nn.Linear(1, 8), nn.LeakyReLU(), nn.Linear(8, 1))
for_generator = torch.optim.Adam(generator.parameters(), lr=0.005)
for_discriminator = torch.optim.Adam(discriminator.parameters(), lr=0.005)
criterion = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)
for _ in range(15):
    real, fake = 2 + torch.randn(32, 1), generator(torch.randn(32, 2))
    for_discriminator.zero_grad()
    loss = criterion(discriminator(real), ones) + criterion(discriminator(fake.detach()), zeros)
    loss.backward()
    for_discriminator.step()
    for_generator.zero_grad()
    fooled = criterion(discriminator(fake), ones)
    fooled.backward()
    for_generator.step()
