"""The gradient where two numbers are equal, as PyTorch itself gives it: its versions differ."""

from __future__ import annotations

import functools

import torch


@functools.cache
def at_a_tie(name: str) -> tuple[float, float]:
    """The gradients of ``torch.name(x, y)`` by x and by y, such as those of fmax, where both are 1."""
    x, y = torch.ones((), requires_grad=True), torch.ones((), requires_grad=True)
    by_x, by_y = torch.autograd.grad(getattr(torch, name)(x, y), [x, y])
    return by_x.item(), by_y.item()


@functools.cache
def passes_at_a_bound() -> bool:
    """Whether clamp lets the gradient through where its input is a bound that is a number."""
    x = torch.ones((), requires_grad=True)
    return bool(torch.autograd.grad(x.clamp(max=1.0), x)[0])


@functools.cache
def shares_at_a_bound() -> bool:
    """Whether clamp shares the gradient with a bound that is a tensor, where its input is that bound."""
    x, bound = torch.ones((), requires_grad=True), torch.ones((), requires_grad=True)
    return bool(torch.autograd.grad(x.clamp(max=bound), bound)[0])
