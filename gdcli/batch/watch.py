"""What an engine of PyTorch's operations looks at while runs step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gdcli.batch.limits import Limits

if TYPE_CHECKING:
    from gdcli.batch.replay import ReplayTile


class Watch:
    """Looks at runs while they step, for signs that one may have ended: what it says is tested afterwards."""

    def __init__(self, tile: ReplayTile, limits: Limits) -> None:
        self.tile, self.limits = tile, limits
        loss, x = tile.loss, tile.x
        self.size = torch.empty_like(loss)
        self.largest = torch.zeros_like(loss)
        self.broken = torch.zeros_like(x)
        self.squares = torch.empty_like(x)
        self.norm = torch.empty_like(loss)
        self.least: dict[str, torch.Tensor] = {}
        self.before_loss = tile.loss.clone() if limits.loss else None
        self.before = x.clone() if limits.x else None
        self.previous = x.clone() if limits.x else None

    def evaluated(self) -> None:
        """Look at the loss and at the gradient."""
        tile, limits = self.tile, self.limits
        torch.abs(tile.loss, out=self.size)
        torch.maximum(self.largest, self.size, out=self.largest)
        if limits.gradient is None:
            torch.add(self.broken, tile.gradient, alpha=0, out=self.broken)
        else:
            torch.mul(tile.gradient, tile.gradient, out=self.squares)
            torch.sum(self.squares, 0, out=self.norm)
            self._keep("gradient", self.norm)
            torch.add(self.broken, self.squares, alpha=0, out=self.broken)
        if limits.until is not None:
            self._keep("loss", -tile.loss if limits.maximize else tile.loss)
        if limits.loss is not None:
            before = self.before_loss if self.before_loss is not None else tile.loss
            change = (tile.loss - before).abs_()
            self._keep("change", change.sub_(self.size, alpha=limits.loss[1]))
            self.before_loss = tile.loss.clone()

    def updated(self) -> None:
        """Look at the points."""
        limits, x = self.limits, self.tile.x
        if limits.x is not None and self.before is not None and self.previous is not None:
            move = (x - self.before).abs_().amax(0)
            self._keep("move", move.sub_(x.abs().amax(0), alpha=limits.x[1] * x.shape[0] ** 0.5))
            self.previous, self.before = self.before, self.previous
            self.before.copy_(x)
        if limits.landmark is not None:
            self._keep("return", (x - limits.landmark).abs_().amax(0))

    def _keep(self, name: str, value: torch.Tensor) -> None:
        if name in self.least:
            torch.minimum(self.least[name], value, out=self.least[name])
        else:
            self.least[name] = value.clone()

    def suspects(self) -> torch.Tensor:
        """Which runs may have ended."""
        limits = self.limits
        found = ~(self.largest <= limits.largest) | (self.broken != 0).any(0)
        if limits.gradient is not None:
            found |= ~(self.least["gradient"] > limits.gradient)
        if limits.until is not None:
            found |= ~(self.least["loss"] > limits.until)
        if limits.loss is not None:
            found |= ~(self.least["change"] > limits.loss[0])
        if limits.x is not None:
            found |= ~(self.least["move"] > limits.x[0])
        if limits.landmark is not None:
            found |= ~(self.least["return"] > 0)
        return found
