"""Alternative texts of the panels of a page, for screen readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gdcli.contract.figure import (
    Axis,
    ContourPanel,
    CurvesPanel,
    FunctionPanel,
    HeatPanel,
    MapPanel,
    Path,
    ScatterPanel,
    SweepCurvePanel,
    finite,
)
from gdcli.render.numbers import percent


def curves_text(panel: CurvesPanel) -> str:
    """The start and the end of each curve."""
    scale = ", on a logarithmic axis" if panel.y.log else ""
    words = [f"The {panel.title} over the {panel.x.label}s{scale}."]
    for curve in panel.curves:
        whose = f"{curve.label}: " if len(panel.curves) > 1 else ""
        ends = f"{_six_digits(curve.y[0])} at {curve.counted} {curve.counts[0]:,}"
        if len(curve.y) > 1:
            ends += f", {_six_digits(curve.y[-1])} at {curve.counted} {curve.counts[-1]:,}"
        words.append(f"{whose}{ends}." if whose else f"It is {ends}.")
    words += [f"A line for {line.label}, {_six_digits(line.y[-1])} at the end." for line in panel.lines]
    return " ".join(words)


def function_text(panel: FunctionPanel) -> str:
    """The range of the curve, and the ends of the paths."""
    name = panel.x.label
    words = [f"The function over {_window(panel.x)}; its values {_range(panel.values)}."]
    for path in panel.paths:
        start, end = (f"{name} = {_six_digits(path.x[k])} with value {_six_digits(path.y[k])}" for k in (0, -1))
        words.append(f"{_whose(path, panel.paths)} goes from {start} to {end}.")
    return " ".join(words)


def contour_text(panel: ContourPanel) -> str:
    """The range of the function, and the ends of the paths."""
    values = _range(panel.values())
    words = [f"Contours of the function over {_window(panel.x)} and {_window(panel.y)}; its values {values}."]
    if panel.plane:
        words.append(f"{panel.plane[0].upper()}{panel.plane[1:]}.")
    for path in panel.paths:
        start, end = (f"({_six_digits(path.x[k])}, {_six_digits(path.y[k])})" for k in (0, -1))
        words.append(f"{_whose(path, panel.paths)} goes from {start} to {end}.")
    minima = [f"({_six_digits(mark.x)}, {_six_digits(mark.y)})" for mark in panel.marks if mark.kind == "minimum"]
    if minima:
        words.append(f"Known minima: {', '.join(minima)}.")
    exact = [f"({_six_digits(mark.x)}, {_six_digits(mark.y)})" for mark in panel.marks if mark.kind == "exact"]
    if exact:
        words.append(f"The exact minimum: {exact[0]}.")
    return " ".join(words)


def surface_text(panel: ContourPanel) -> str:
    """The surface over the same plane."""
    values = _range(panel.values(), "ranges")
    paths = " with the path on it" if len(panel.paths) == 1 else " with the paths on it" if panel.paths else ""
    return f"The function over {panel.x.label} and {panel.y.label} as a surface{paths}; its height {values}."


def heat_text(title: str, panel: HeatPanel, frames: Sequence[Sequence[float] | None]) -> str:
    """The size of a matrix, and the range of its numbers at the start and at the end."""
    words = [f"{title}, {len(panel.values)} by {len(panel.values[0])}, as a heat map."]
    for when, frame in (("first", frames[0]), ("last", frames[-1])):
        if frame is not None:
            words.append(f"At the {when} iteration its numbers {_range(frame)}.")
    return " ".join(words)


def scatter_text(panel: ScatterPanel) -> str:
    """The axes and the number of the points, and the ends of the fit."""
    words = [f"{len(panel.points_x):,} {panel.points} over {_window(panel.x)} and {_window(panel.y)}."]
    if panel.fit is not None:
        start, end = (f"({_six_digits(panel.fit.x[k])}, {_six_digits(panel.fit.y[k])})" for k in (0, -1))
        words.append(f"The {panel.fit.label} goes from {start} to {end} at the end of the run.")
    return " ".join([*words, *(f"A line: {line.label}." for line in panel.lines)])


def map_text(panel: MapPanel) -> str:
    """The axes of a map, and the share of each of its scales."""
    words = [f"A map of {panel.columns:,} by {panel.rows:,} cells over {_window(panel.x)} and {_window(panel.y)}."]
    words += [f"{scale.label}: {percent(scale.share)}." for scale in panel.scales if scale.share > 0]
    return " ".join([*words, *(f"A line: {line.label}." for line in panel.lines)])


def sweep_curve_text(panel: SweepCurvePanel) -> str:
    """The range of the curve, the ranges that work, and the lines."""
    words = [f"{panel.y.label} over {_window(panel.x)}; its values {_range(panel.values)}."]
    words += [f"Runs converge from {_six_digits(low)} to {_six_digits(high)}." for low, high in panel.works]
    return " ".join([*words, *(f"A line: {line.label}." for line in panel.lines)])


def sentence(parts: Sequence[str]) -> str:
    """The parts of a note as one sentence."""
    text = "; ".join(part for part in parts if part)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _whose(path: Path, paths: Sequence[Path]) -> str:
    return f"The path of {path.label}" if len(paths) > 1 else "The path"


def _window(axis: Axis) -> str:
    return f"{axis.label} from {_six_digits(axis.low)} to {_six_digits(axis.high)}"


def _range(numbers: Iterable[float], verb: str = "range") -> str:
    known = finite(number for number in numbers if number is not None)
    if not known:
        return "are undefined" if verb == "range" else "is undefined"
    return f"{verb} from {_six_digits(min(known))} to {_six_digits(max(known))}"


def _six_digits(number: float | None) -> str:
    return "no number" if number is None or number != number else f"{number:.6g}"  # noqa: PLR0124 -- NaN
