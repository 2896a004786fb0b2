"""Panels of points: the data with the fit through them, predicted against actual numbers, residuals."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gdcli.contract.figure import Axis, MapLine, ScatterPanel, ScatterState, finite
from gdcli.landscape.window import grid
from gdcli.memory import evenly
from gdcli.regression.sample import Known, Over, Sample, predictions
from gdcli.regression.trail import RowTrail

_POINTS = 400
_MOVING = 150  # points, where they move
_NUMBERS = 80_000  # in the states of a panel
_STATES = 400
_CURVE = 101  # points
_MARGIN = 0.05
_SCORES = 6.0  # a linear predictor beyond has a probability of nearly 0 or 1


def data_panel(known: Known, trail: RowTrail, sample: Sample, over: Over) -> ScatterPanel:
    """The target over the one column, with the fit as it moves, and the exact fit."""
    settings = known.settings
    logistic = settings.loss == "logistic"
    shown = evenly_spaced(len(sample.target), _POINTS)
    x = _axis(over.name, over.x.tolist())
    label = f"probability of {settings.target}" if logistic else settings.target
    y = Axis(label, -_MARGIN, 1 + _MARGIN) if logistic else _axis(label, sample.target.tolist())
    xs = grid(x.low, x.high, 2 if over.is_line and not logistic else _CURVE)
    features = over.features(torch.tensor(xs, dtype=torch.float64))

    def heights(coefficients: torch.Tensor) -> list[list[float]]:
        found = predictions(settings, features, coefficients)
        listed: list[list[float]] = (found.sigmoid() if logistic else found).tolist()
        return listed

    chosen = _states(trail, len(xs))
    curves = heights(trail.points[chosen])
    exact = known.exact
    lines = [] if exact is None else [MapLine("exact fit", xs, heights(exact.unsqueeze(0))[0])]
    rows = trail.rows
    return ScatterPanel(
        f"{settings.target} over {over.name}",
        x,
        y,
        over.x[shown].tolist(),
        sample.target[shown].tolist(),
        MapLine("fit", xs, curves[trail.place_of_the_fit(chosen)]),
        lines,
        [ScatterState(trail.count_of(rows[k]), fit=curve) for k, curve in zip(chosen, curves, strict=True)],
    )


def predicted_panel(known: Known, trail: RowTrail, sample: Sample) -> ScatterPanel:
    """What the fit predicts for rows, over what they have."""
    target = known.settings.target
    shown, chosen = evenly_spaced(len(sample.target), _MOVING), _states(trail, min(len(sample.target), _MOVING))
    predicted = predictions(known.settings, sample.features[shown], trail.points[chosen])
    actual, last = sample.target[shown], trail.place_of_the_fit(chosen)
    both = _axis("", [*actual.tolist(), *_sane(predicted[last].tolist(), actual)])
    low, high = both.low, both.high
    rows = trail.rows
    states = [ScatterState(trail.count_of(rows[k]), y=line) for k, line in zip(chosen, predicted.tolist(), strict=True)]
    return ScatterPanel(
        "predicted against actual",
        Axis(f"actual {target}", low, high),
        Axis(f"predicted {target}", low, high),
        actual.tolist(),
        predicted[last].tolist(),
        None,
        [MapLine("predicted = actual", [low, high], [low, high])],
        states,
    )


def residuals_panel(known: Known, trail: RowTrail, sample: Sample) -> ScatterPanel:
    """What is left of rows, actual less predicted, over what the fit predicts."""
    shown, chosen = evenly_spaced(len(sample.target), _MOVING), _states(trail, 2 * min(len(sample.target), _MOVING))
    predicted = predictions(known.settings, sample.features[shown], trail.points[chosen])
    actual = sample.target[shown]
    residuals, last = actual - predicted, trail.place_of_the_fit(chosen)
    x = _axis(f"predicted {known.settings.target}", _sane(predicted[last].tolist(), actual) or actual.tolist())
    y = _axis("actual - predicted", [*_sane(residuals[last].tolist(), actual - actual.mean()), 0.0])
    rows = trail.rows
    states = [
        ScatterState(trail.count_of(rows[k]), xs, ys)
        for k, xs, ys in zip(chosen, predicted.tolist(), residuals.tolist(), strict=True)
    ]
    zero = MapLine("no residual", [x.low, x.high], [0.0, 0.0])
    return ScatterPanel("residuals", x, y, states[last].x, states[last].y, None, [zero], states)


def score_panel(known: Known, trail: RowTrail, sample: Sample) -> ScatterPanel:
    """The target over the linear predictor of each row, with the probability that it means."""
    shown, chosen = evenly_spaced(len(sample.target), _MOVING), _states(trail, min(len(sample.target), _MOVING))
    scores = predictions(known.settings, sample.features[shown], trail.points[chosen])
    last = trail.place_of_the_fit(chosen)
    numbers = [number for number in finite(scores[last].tolist()) if abs(number) < 100 * _SCORES]
    x = _axis("linear predictor", [*numbers, -_SCORES, _SCORES])
    xs = grid(x.low, x.high, _CURVE)
    curve = torch.tensor(xs, dtype=torch.float64).sigmoid().tolist()
    rows = trail.rows
    return ScatterPanel(
        f"{known.settings.target} over the linear predictor",
        x,
        Axis(f"probability of {known.settings.target}", -_MARGIN, 1 + _MARGIN),
        scores[last].tolist(),
        sample.target[shown].tolist(),
        None,
        [MapLine("probability", xs, curve)],
        [ScatterState(trail.count_of(rows[k]), x=line) for k, line in zip(chosen, scores.tolist(), strict=True)],
    )


def evenly_spaced(count: int, most: int) -> list[int]:
    """At most ``most`` of the numbers below ``count``, evenly spaced, with the first and the last."""
    return list(range(count)) if count <= most else [round(i * (count - 1) / (most - 1)) for i in range(most)]


def _states(trail: RowTrail, numbers: int) -> list[int]:
    """The rows of the trail whose states a panel has, given the numbers in each; the last is one of them."""
    return evenly(len(trail.rows), max(2, min(_STATES, _NUMBERS // max(1, numbers))))


def _axis(label: str, numbers: Sequence[float]) -> Axis:
    """The axis of some numbers, with a margin."""
    known = finite(numbers) or [0.0]
    low, high = min(known), max(known)
    margin = _MARGIN * (high - low) or max(1.0, abs(low)) / 2
    return Axis(label, low - margin, high + margin)


def _sane(numbers: Sequence[float], like: torch.Tensor) -> list[float]:
    """The numbers that are not far beyond others: those of a fit that has diverged say nothing about a window."""
    middle, reach = float(like.mean()), 10 * float((like - like.mean()).abs().max()) or 1.0
    return [number for number in finite(numbers) if abs(number - middle) <= reach]
