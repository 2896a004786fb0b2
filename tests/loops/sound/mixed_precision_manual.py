"""Mixed precision manual."""

import torch

torch.manual_seed(0)
m = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
opt = torch.optim.AdamW(m.parameters(), lr=1e-2)
s = torch.amp.GradScaler("cpu")
for _ in range(20):
    x = torch.randn(32, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = torch.nn.functional.mse_loss(m(x), x.sum(1, keepdim=True).to(torch.bfloat16))
    opt.zero_grad()
    s.scale(loss).backward()
    s.unscale_(opt)
    torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
    s.step(opt)
    s.update()
