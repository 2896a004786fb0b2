"""Constructors: tensors made of the run's dtype, on its device, from its seed, and never too large."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import torch

from gdcli.errors import GdcliError
from gdcli.lang.limits import MAX_ELEMENTS, constructor_elements
from gdcli.lang.signature import Function


class Environment:
    """What an expression is evaluated in: a dtype, a device, and a stream of random numbers.

    The numbers are those of ``torch.manual_seed(seed)``, drawn without touching PyTorch's global generator.
    """

    def __init__(self, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu", seed: int = 0) -> None:
        self.dtype = dtype
        self.device = torch.device(device)
        self.seed = seed
        # A meta tensor has a shape and no storage: nothing is drawn for it.
        self.generator = None if self.device.type == "meta" else torch.Generator(self.device).manual_seed(seed)

    def with_dtype(self, name: str) -> Environment:
        """The same environment, with the same stream of random numbers, and another dtype."""
        other = copy(self)
        other.dtype = getattr(torch, name)
        return other

    def on_meta(self) -> Environment:
        """The same environment on the meta device, to try shapes without storage."""
        return Environment(self.dtype, "meta", self.seed)


def too_large(
    count: float, what: str = "this tensor would have", noun: str = "elements", limit: int = MAX_ELEMENTS
) -> GdcliError:
    """The error for a tensor over the limit, or for too many of them."""
    shown = f"{count:,.0f}" if count < 1e18 else f"about {count:.0e}"
    return GdcliError("limit", f"{what} {shown} {noun}; the limit is {limit:,}", "make it smaller")


def _as_number(value: Any) -> Any:
    """A tensor of one number as this number, as PyTorch takes it."""
    return value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value


def constructor(function: Function, make: Callable[..., Any], environment: Environment) -> Callable[..., Any]:
    """``make`` with the environment's dtype, device and generator, after a check of the size."""
    fixed: dict[str, Any] = {}
    takes_dtype = any(p.name == "dtype" for p in function.parameters)
    if function.form == "constructor" or takes_dtype:
        fixed["device"] = environment.device
    if function.form == "random" and environment.generator is not None:
        fixed["generator"] = environment.generator
    names = [p.name for p in function.parameters]

    def construct(*arguments: Any, dtype: torch.dtype | None = None, **keywords: Any) -> Any:
        in_order = [*arguments, *(keywords[name] for name in names[len(arguments) :] if name in keywords)]
        elements = constructor_elements(function.name, [_as_number(value) for value in in_order])
        if elements > MAX_ELEMENTS:
            raise too_large(elements)
        if takes_dtype:
            keywords["dtype"] = dtype or environment.dtype
        return make(*arguments, **keywords, **fixed)

    return construct
