"""What is done to a gradient before a step and to a variable after it; each act is noted where it happens."""

from __future__ import annotations

import torch

from gdcli.contract.descent import Act, DescentSettings
from gdcli.descent.rules import Tensors
from gdcli.errors import GdcliError


class Limits:
    """Clipping of gradients, and bounds of variables (projected gradient)."""

    def __init__(self, settings: DescentSettings, tensors: Tensors) -> None:
        self.tensors = tensors
        self.clip_norm = settings.clip_norm
        self.clip_value = settings.clip_value
        self.bounds = settings.bound
        self.clips = self.clip_norm is not None or self.clip_value is not None

    def check_start(self) -> None:
        """Raise GdcliError when a variable starts outside its bounds."""
        for name, (low, high) in self.bounds.items():
            x = self.tensors[name].detach()
            if (low is not None and bool((x < low).any())) or (high is not None and bool((x > high).any())):
                message = f"the start of {name} lies outside its bounds, {_range(low, high)}"
                raise GdcliError("bound", message, f"choose a --{name} inside them")

    def clip(self) -> list[Act]:
        """Clip the gradients; first each element, then the norm of all together."""
        gradients = [x.grad for x in self.tensors.values() if x.grad is not None]
        acts = []
        if self.clip_value is not None:
            largest = max(float(g.abs().max()) for g in gradients)
            if largest > self.clip_value:
                torch.nn.utils.clip_grad_value_(self.tensors.values(), self.clip_value)
                acts.append(Act("clip-value", None, largest, self.clip_value))
        if self.clip_norm is not None:
            norm = float(torch.nn.utils.clip_grad_norm_(self.tensors.values(), self.clip_norm))
            if norm > self.clip_norm:
                acts.append(Act("clip-norm", None, norm, self.clip_norm))
        return acts

    def project(self) -> list[Act]:
        """Put the variables that have left their bounds onto them."""
        acts = []
        with torch.no_grad():
            for name, (low, high) in self.bounds.items():
                x = self.tensors[name]
                outside = x.clamp(low, high)
                moved = (x - outside).abs()
                farthest = float(moved.max())
                if farthest > 0:
                    x.copy_(outside)
                    acts.append(Act("bound", name, farthest, 0.0))
        return acts


def _range(low: float | None, high: float | None) -> str:
    return f"{'' if low is None else f'{low:g}'}:{'' if high is None else f'{high:g}'}"
