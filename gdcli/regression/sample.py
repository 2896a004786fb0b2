"""The rows of the data that a picture shows, and the loss over them at many coefficients at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from gdcli.contract.regression import LossName, RegressionResult, RegressionSettings
from gdcli.regression.design import Design

if TYPE_CHECKING:
    from gdcli.regression.together import Together

MOST = 4_000  # rows of a sample
_AT_A_TIME = 200_000  # elements


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of the rows: the features as the descent has them, shape (m, p), and the target, shape (m,).

    Both are float64; ``rows`` is the number of all rows that the fit is of.
    """

    features: torch.Tensor
    target: torch.Tensor
    rows: int


@dataclass(frozen=True, slots=True)
class Known:
    """What a figure says of a regression beside its path.

    ``names`` are those of the coefficients, the intercept first; ``exact`` is the exact answer as the descent has them,
    and ``exact_loss`` its loss, None where they are not known.
    """

    settings: RegressionSettings
    names: list[str]
    exact: torch.Tensor | None
    exact_loss: float | None

    @classmethod
    def of(cls, outcome: RegressionResult) -> Known:
        """That of a regression that has ended."""
        found = [each.exact_standardized for each in outcome.coefficients]
        known = [number for number in found if number is not None]
        exact = torch.tensor(known, dtype=torch.float64) if known and len(known) == len(found) else None
        loss = None if outcome.exact_quality is None else outcome.exact_quality.loss
        return cls(outcome.settings, [each.name for each in outcome.coefficients], exact, loss)


@dataclass(frozen=True, slots=True)
class Over:
    """The one column that all features are made of: its numbers ``x`` in the sample, and the features at others.

    ``is_line`` says that the only feature is the column itself.
    """

    name: str
    x: torch.Tensor
    features: Callable[[torch.Tensor], torch.Tensor]
    is_line: bool


def sample_of(design: Design, most: int = MOST, together: Together | None = None) -> tuple[Sample, Over | None]:
    """Every kth row of the data, so that there are at most ``most``, and the one column that all features are made of.

    It reads the data once; of several processes, each reads its share.
    """
    every = max(1, math.ceil(design.sample.rows / most))
    if together is None:
        numbers, target = _every_kth(design, every, 0)
    else:
        before = sum(together.gather(design.sample.own)[: together.rank])
        parts = together.gather(_every_kth(design, every, before))
        numbers, target = torch.cat([part[0] for part in parts], 1), torch.cat([part[1] for part in parts])
    sample = Sample(design.columns(numbers), target, design.sample.rows)
    layout = design.layout
    if len(layout.bases) != 1 or layout.bases[0].kind != "number":
        return sample, None
    is_line = len(layout.terms) == 1

    def features(x: torch.Tensor) -> torch.Tensor:
        return design.columns(x.unsqueeze(0))

    return sample, Over(layout.bases[0].source, numbers[0], features, is_line)


def _every_kth(design: Design, every: int, first: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The bases by columns, and the targets, of the rows here whose numbers, from ``first`` on, are divisible."""
    bases, targets = [torch.empty((len(design.layout.bases), 0), dtype=torch.float64)], [torch.empty(0).double()]
    for values in design.values():
        chosen = slice(-first % every, None, every)
        bases.append(values.bases[:, chosen].clone())  # a view would keep the whole batch
        targets.append(values.y[chosen].clone())
        first += len(values.y)
    return torch.cat(bases, dim=1), torch.cat(targets)


def predictions(settings: RegressionSettings, features: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
    """What coefficients of shape (k, c), the intercept first if there is one, give for features (m, p): shape (k, m).

    For the logistic loss it is the linear predictor, whose sigmoid is the probability.
    """
    if settings.intercept:
        return coefficients[:, 1:] @ features.T + coefficients[:, :1]
    return coefficients @ features.T


def losses_at(settings: RegressionSettings, sample: Sample, coefficients: torch.Tensor) -> torch.Tensor:
    """The loss over the sample, with its penalties, at each of k coefficient vectors: shape (k,)."""
    step = max(1, _AT_A_TIME // len(sample.target))
    found = []
    for part in coefficients.split(step):  # type: ignore[no-untyped-call]
        predicted = predictions(settings, sample.features, part)
        means = EACH[settings.loss](predicted, sample.target.expand_as(predicted)).mean(dim=1)
        found.append(means * sample.rows if settings.loss == "sum" else means)
    weights = coefficients[:, 1:] if settings.intercept else coefficients
    penalty = settings.l2 * (weights**2).sum(dim=1) + settings.l1 * weights.abs().sum(dim=1)
    return torch.cat(found) + penalty


def _squares(predicted: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (predicted - y) ** 2


EACH: dict[LossName, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "mse": _squares,
    "sum": _squares,
    "half-mse": lambda predicted, y: _squares(predicted, y) / 2,
    "mae": lambda predicted, y: (predicted - y).abs(),
    "huber": lambda predicted, y: torch.nn.functional.huber_loss(predicted, y, reduction="none"),
    "logistic": lambda predicted, y: torch.nn.functional.binary_cross_entropy_with_logits(
        predicted, y, reduction="none"
    ),
}
"""The loss of each row."""
