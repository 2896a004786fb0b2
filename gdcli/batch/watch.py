"""What an engine of PyTorch's operations looks at while runs step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gdcli.batch.limits import Limits

if TYPE_CHECKING:
    from gdcli.batch.replay import ReplayTile

_COMPARED = 4  # elements of a point that are compared with the landmark: a point that comes again has the same


class Watch:
    """Looks at the runs of a tile while they step, for signs that one may have ended: what it says is tested after.

    A sign may be wrong, so it is made of few operations, on tensors that are kept.
    """

    def __init__(self, tile: ReplayTile) -> None:
        self.tile = tile
        loss, x = tile.loss, tile.x
        self.size, self.norm, self.largest = (torch.empty_like(loss) for _ in range(3))
        self.broken: torch.Tensor = torch.empty_like(x)
        self.same, self.also, self.returned = (torch.empty_like(loss, dtype=torch.bool) for _ in range(3))
        self.least: dict[str, torch.Tensor] = {}
        self.previous: torch.Tensor | None = None
        self._before: torch.Tensor | None = None
        self._before_loss = loss
        self._points, self._slopes = x.unbind()[:_COMPARED], tile.gradient.unbind()
        self._landmarks: tuple[torch.Tensor, ...] = ()

    def begin(self, limits: Limits, landmark: torch.Tensor | None) -> None:
        """Begin a block. The ``landmark`` (elements, runs) are points that the runs have been at."""
        self.limits = limits
        self._landmarks = ()
        if landmark is not None:
            self.compare_with(landmark)
        self.largest.zero_()
        self.broken.zero_()
        self.returned.zero_()
        self.least = {}
        if limits.loss is not None:
            self._before_loss = self.tile.loss.clone()
        if limits.x is not None:
            self.previous, self._before = self.tile.x.clone(), self.tile.x.clone()

    def compare_with(self, landmark: torch.Tensor) -> None:
        """Compare points with a landmark from now on."""
        self._landmarks = landmark.unbind()[:_COMPARED]

    def evaluated(self) -> None:
        """Look at the loss and at the gradient."""
        tile, limits = self.tile, self.limits
        torch.abs(tile.loss, out=self.size)
        torch.maximum(self.largest, self.size, out=self.largest)
        if limits.gradient is None:
            torch.add(self.broken, tile.gradient, alpha=0, out=self.broken)
        else:
            first, *others = self._slopes
            torch.mul(first, first, out=self.norm)
            for row in others:
                self.norm.addcmul_(row, row)
            self._keep("gradient", self.norm)
            self.broken[0].add_(self.norm, alpha=0)
        if limits.until is not None:
            self._keep("loss", -tile.loss if limits.maximize else tile.loss)
        if limits.loss is not None:
            change = (tile.loss - self._before_loss).abs_()
            self._keep("change", change.sub_(self.size, alpha=limits.loss[1]))
            self._before_loss.copy_(tile.loss)

    def updated(self) -> None:
        """Look at the points."""
        limits, x = self.limits, self.tile.x
        if limits.x is not None and self._before is not None and self.previous is not None:
            move = (x - self._before).abs_().amax(0)
            self._keep("move", move.sub_(x.abs().amax(0), alpha=limits.x[1] * x.shape[0] ** 0.5))
            self.previous, self._before = self._before, self.previous
            self._before.copy_(x)
        if self._landmarks:
            torch.eq(self._points[0], self._landmarks[0], out=self.same)
            for row, there in zip(self._points[1:], self._landmarks[1:], strict=True):
                torch.eq(row, there, out=self.also)
                self.same.logical_and_(self.also)
            self.returned.logical_or_(self.same)

    def _keep(self, name: str, value: torch.Tensor) -> None:
        if name in self.least:
            torch.minimum(self.least[name], value, out=self.least[name])
        else:
            self.least[name] = value.clone()

    def suspects(self) -> torch.Tensor:
        """Which runs may have ended."""
        limits = self.limits
        found = ~(self.largest <= limits.largest) | (self.broken != 0).any(0) | self.returned
        if limits.gradient is not None:
            found |= ~(self.least["gradient"] > limits.gradient)
        if limits.until is not None:
            found |= ~(self.least["loss"] > limits.until)
        if limits.loss is not None:
            found |= ~(self.least["change"] > limits.loss[0])
        if limits.x is not None:
            found |= ~(self.least["move"] > limits.x[0])
        return found
