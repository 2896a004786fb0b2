"""What an engine of PyTorch's operations looks at while runs step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gdcli.batch.limits import Limits

if TYPE_CHECKING:
    from gdcli.batch.replay import ReplayTile

_WEIGHTS = (0.61803, 0.73205, 0.41421)  # so that differences do not cancel
_COMPARED = 4  # elements of a point that are compared with the landmark: a point that comes again has the same


class Watch:
    """Looks at the runs of a tile while they step, for signs that one may have ended: what it says is tested after.

    A sign may be wrong, so it is made of few operations, on tensors that are kept: sums, in which what is not finite
    remains so, because PyTorch compares much slower than it adds. ``losses`` adds up the squares of the losses, and
    ``apart`` the reciprocals of a sum of the differences to the landmark.
    """

    def __init__(self, tile: ReplayTile) -> None:
        self.tile = tile
        loss, x = tile.loss, tile.x
        self.losses, self.apart, self.size, self.norm = (torch.empty_like(loss) for _ in range(4))
        self.broken: torch.Tensor = torch.empty_like(x)
        self.least: dict[str, torch.Tensor] = {}
        self.previous: torch.Tensor | None = None
        self._before: torch.Tensor | None = None
        self._before_loss = loss
        self._one = torch.ones((), dtype=x.dtype)
        self._slopes = tile.gradient.unbind()
        self._points = x[:_COMPARED]
        self._gaps = torch.empty_like(self._points)
        self._gap, *self._others = self._gaps.unbind()
        self._landmark: torch.Tensor | None = None

    def begin(self, limits: Limits, landmark: torch.Tensor | None) -> None:
        """Begin a block. The ``landmark`` (elements, runs) are points that the runs have been at."""
        self.limits = limits
        self._landmark = None
        if landmark is not None:
            self.compare_with(landmark)
        for each in (self.losses, self.apart, self.broken):
            each.zero_()
        self.least = {}
        if limits.loss is not None:
            self._before_loss = self.tile.loss.clone()
        if limits.x is not None:
            self.previous, self._before = self.tile.x.clone(), self.tile.x.clone()

    def compare_with(self, landmark: torch.Tensor) -> None:
        """Compare points with a landmark from now on."""
        self._landmark = landmark[:_COMPARED]

    def evaluated(self) -> None:
        """Look at the loss and at the gradient."""
        tile, limits = self.tile, self.limits
        torch.addcmul(self.losses, tile.loss, tile.loss, out=self.losses)
        if limits.gradient is not None and not limits.stays:
            self._keep("gradient", self._squares())
            if not limits.propagates:
                self.broken[0].add_(self.norm, alpha=0)
        elif not limits.propagates:
            torch.add(self.broken, tile.gradient, alpha=0, out=self.broken)
        if limits.until is not None:
            self._keep("loss", -tile.loss if limits.maximize else tile.loss)
        if limits.loss is not None:
            torch.abs(tile.loss, out=self.size)
            change = (tile.loss - self._before_loss).abs_()
            self._keep("change", change.sub_(self.size, alpha=limits.loss[1]))
            self._before_loss.copy_(tile.loss)

    def _squares(self) -> torch.Tensor:
        """The squares of the norms of the gradients."""
        first, *others = self._slopes
        torch.mul(first, first, out=self.norm)
        for row in others:
            self.norm.addcmul_(row, row)
        return self.norm

    def updated(self) -> None:
        """Look at the points."""
        limits, x = self.limits, self.tile.x
        if limits.x is not None and self._before is not None and self.previous is not None:
            move = (x - self._before).abs_().amax(0)
            self._keep("move", move.sub_(x.abs().amax(0), alpha=limits.x[1] * x.shape[0] ** 0.5))
            self.previous, self._before = self._before, self.previous
            self._before.copy_(x)
        if self._landmark is not None:
            torch.sub(self._points, self._landmark, out=self._gaps)
            for gap, weight in zip(self._others, _WEIGHTS, strict=False):
                self._gap.add_(gap, alpha=weight)
            torch.addcdiv(self.apart, self._one, self._gap, out=self.apart)

    def _keep(self, name: str, value: torch.Tensor) -> None:
        if name in self.least:
            torch.minimum(self.least[name], value, out=self.least[name])
        else:
            self.least[name] = value.clone()

    def suspects(self) -> torch.Tensor:
        """Which runs may have ended."""
        limits = self.limits
        found = ~(self.losses <= limits.largest.square().clamp(max=torch.finfo(limits.largest.dtype).max))
        if limits.propagates:
            torch.mul(self.tile.x, 0, out=self.broken)
        torch.sum(self.broken, 0, out=self.size)
        found |= self.size.addcmul_(self.apart, self._one, value=0) != 0
        if limits.gradient is not None:
            found |= ~((self._squares() if limits.stays else self.least["gradient"]) > limits.gradient)
        if limits.until is not None:
            found |= ~(self.least["loss"] > limits.until)
        if limits.loss is not None:
            found |= ~(self.least["change"] > limits.loss[0])
        if limits.x is not None:
            found |= ~(self.least["move"] > limits.x[0])
        return found
