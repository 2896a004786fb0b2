"""Neural style two leaves."""

import torch

torch.manual_seed(0)
img = torch.rand(1, 3, 8, 8).requires_grad_()
conv = torch.nn.Conv2d(3, 8, 3)
for p in conv.parameters():
    p.requires_grad_(False)
target = conv(torch.rand(1, 3, 8, 8))
opt = torch.optim.LBFGS([img])


def closure():
    opt.zero_grad()
    f = conv(img)
    loss = (f - target).square().mean()
    loss.backward()
    return loss


for _ in range(5):
    opt.step(closure)
