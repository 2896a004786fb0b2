"""What a user would write instead of ``gdcli grad "log(x**2 + y**2)" --x 15 --y 24 --wrt x``."""

import torch

x = torch.tensor(15.0, requires_grad=True)
y = torch.tensor(24.0)
f = torch.log(x**2 + y**2)
f.backward()
print(f)
print(x.grad)
print(y.grad)
