"""A function of thirty statements, for gdcli as a program and for the loop by hand as Python."""

import torch


def f(x: torch.Tensor) -> torch.Tensor:
    """The objective."""
    a1 = x * 0.9 + 0.1
    a2 = torch.tanh(a1)
    a3 = a2 - a1 / 3
    a4 = (a3 + a1) * 0.5
    a5 = torch.exp(-a4)
    a6 = torch.sin(a5)
    a7 = a6 * a4 + 0.5
    a8 = torch.tanh(a7)
    a9 = a8 - a6 / 3
    a10 = (a9 + a7) * 0.5
    a11 = torch.exp(-a10)
    a12 = torch.sin(a11)
    a13 = a12 * a10 + 0.5
    a14 = torch.tanh(a13)
    a15 = a14 - a12 / 3
    a16 = (a15 + a13) * 0.5
    a17 = torch.exp(-a16)
    a18 = torch.sin(a17)
    a19 = a18 * a16 + 0.5
    a20 = torch.tanh(a19)
    a21 = a20 - a18 / 3
    a22 = (a21 + a19) * 0.5
    a23 = torch.exp(-a22)
    a24 = torch.sin(a23)
    a25 = a24 * a22 + 0.5
    a26 = torch.tanh(a25)
    a27 = a26 - a24 / 3
    a28 = (a27 + a25) * 0.5
    a29 = torch.exp(-a28)
    return (a29 - 0.2) ** 2 + a15**2
