"""No loop: single gradients."""

import torch

x = torch.tensor(15.0, requires_grad=True)
y = torch.tensor(24.0)
f = torch.log(x**2 + y**2)
f.backward()
w = torch.rand(3, 4, requires_grad=True)
g = (w @ torch.ones(4)).sum()
g.backward()
