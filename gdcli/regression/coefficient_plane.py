"""The loss over one coefficient, two, or a plane of many, with the path of the descent and the exact minimum."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from gdcli.contract.figure import Axis, ContourPanel, FunctionPanel, Mark, Path, Remark
from gdcli.landscape.panels import CURVE_POINTS, ends
from gdcli.landscape.section import Section, principal_plane
from gdcli.landscape.window import grid, height, levels, states_to_show, to_one_scale, widened, window
from gdcli.regression.sample import Known, Sample, losses_at
from gdcli.regression.trail import RowTrail

_SIDE = 72  # points along each side of a contour


def loss_over_coefficients(
    known: Known, trail: RowTrail, sample: Sample, remarks: list[Remark]
) -> FunctionPanel | ContourPanel:
    """The loss over the sample, along the one coefficient or over a plane; remarks say what the panel leaves out."""
    exact = known.exact
    section = _section(known, trail)
    points = section.project(trail.points).tolist()
    seen = states_to_show(points)
    if seen < len(points):
        since = f"{trail.counted} {trail.count_of(trail.rows[seen])}"
        remarks.append(Remark("runs-away", f"the path leaves the window at {since}; only its beginning is shown"))
    if section.about:
        remarks.append(Remark("plane", section.about))
    minima: list[list[float]] = [] if exact is None else section.project(exact.unsqueeze(0)).tolist()
    counts = [trail.count_of(row) for row in trail.rows]
    if len(section.labels) == 1:
        return _along(known, trail, sample, section, ([point[0] for point in points[:seen]], minima))
    path = Path(trail.label, counts, [point[0] for point in points], [point[1] for point in points], trail.counted)
    x, y = (window([point[i] for point in [*points[:seen], *minima]]) for i in (0, 1))
    x, y, equal = to_one_scale(x, y)
    xs, ys = grid(*x, _SIDE), grid(*y, _SIDE)
    mesh = torch.cartesian_prod(torch.tensor(ys, dtype=torch.float64), torch.tensor(xs, dtype=torch.float64)).flip(1)
    losses = losses_at(known.settings, sample, section.origin + mesh @ section.axes)
    z: list[list[float]] = losses.reshape(_SIDE, _SIDE).tolist()
    marks = [*ends([path]), *(Mark("exact", point[0], point[1]) for point in minima)]
    title = f"the loss over {section.labels[0]} and {section.labels[1]}"
    axes = Axis(section.labels[0], *x), Axis(section.labels[1], *y)
    return ContourPanel(title, *axes, xs, ys, z, levels(z), [path], marks, equal, [], section.about, "loss")


def _along(
    known: Known,
    trail: RowTrail,
    sample: Sample,
    section: Section,
    seen: tuple[list[float], list[list[float]]],
) -> FunctionPanel:
    """The loss along the only coefficient."""
    shown, minima = seen
    exact = [point[0] for point in minima]
    beyond = [2 * number - shown[0] for number in exact]  # both sides of the minimum
    low, high = widened(window([*shown, *exact, *beyond]))
    xs = grid(low, high, CURVE_POINTS)

    def at(numbers: list[float]) -> list[float]:
        listed: list[float] = losses_at(
            known.settings, sample, torch.tensor(numbers, dtype=torch.float64).unsqueeze(1)
        ).tolist()
        return listed

    values = at(xs)
    points: list[float] = trail.points[:, 0].tolist()
    path = Path(trail.label, [trail.count_of(row) for row in trail.rows], points, at(points), trail.counted)
    bottom, top, _ = height(values, [y for x, y in zip(path.x, path.y, strict=True) if low <= x <= high])
    marks = [*ends([path]), *(Mark("exact", x, y) for x, y in zip(exact, at(exact) if exact else [], strict=True))]
    label = section.labels[0]
    axes = Axis(label, low, high), Axis("loss", bottom, top)
    return FunctionPanel(f"the loss along {label}", *axes, xs, values, [path], marks)


def _section(known: Known, trail: RowTrail) -> Section:
    """All of a line or a plane of the coefficients, else a plane through the exact answer along the path."""
    names, exact = known.names, known.exact
    if known.settings.standardize:
        names = [name if i == 0 and known.settings.intercept else f"{name} (standardized)"
                 for i, name in enumerate(names)]  # fmt: skip
    if len(names) <= 2:
        return Section(torch.zeros(len(names), dtype=torch.float64), torch.eye(len(names), dtype=torch.float64),
                       tuple(names))  # fmt: skip
    points = trail.points
    points = points[points.isfinite().all(dim=1)]
    if exact is None or not bool(exact.isfinite().all()):
        return _described(principal_plane([points]), len(names), "the end of the path")
    return _described(principal_plane([torch.cat([points, exact.unsqueeze(0)])]), len(names), "the exact answer")


def _described(section: Section, count: int, through: str) -> Section:
    """A plane with a sentence about it, in the words of a regression."""
    shares = [label.partition("(")[2].rstrip("%)") for label in section.labels]
    told = sum(float(share) for share in shares if share.replace(".", "", 1).isdigit())
    about = (
        f"of {count} coefficients, the picture shows the plane through {through} along the two principal directions "
        f"of the path, with {told if math.isfinite(told) else 0:.3g}% of its movement"
    )
    return replace(section, about=about)
