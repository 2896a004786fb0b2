"""Thinning out the states of a page, to keep it small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from gdcli.contract.figure import ContourPanel, CurvesPanel, Figure, FunctionPanel, Panel, Path
from gdcli.memory import evenly

T = TypeVar("T")

MOST_STATES = 8_000  # on the paths of a picture, of all runs together
_FEWEST = 50


def some(things: Sequence[T], most: int) -> list[T]:
    """At most ``most`` of the things, chosen by ``evenly``."""
    return [things[k] for k in evenly(len(things), most)]


def with_fewer_states(figure: Figure) -> Figure:
    """The figure, with its paths thinned out if they have too many states in total."""
    return replace(figure, panels=[_thinned(panel) for panel in figure.panels])


def _thinned(panel: Panel) -> Panel:
    match panel:
        case CurvesPanel(curves=paths) if _most(paths) < max(len(path.counts) for path in paths):
            return replace(panel, curves=[_some_states(path, _most(paths)) for path in paths])
        case ContourPanel(paths=paths) | FunctionPanel(paths=paths) if paths:
            return replace(panel, paths=[_some_states(path, _most(paths)) for path in paths])
    return panel


def _most(paths: Sequence[Path]) -> int:
    return max(_FEWEST, MOST_STATES // len(paths))


def _some_states(path: Path, most: int) -> Path:
    picked = evenly(len(path.counts), most)
    if len(picked) == len(path.counts):
        return path
    return replace(
        path,
        counts=[path.counts[k] for k in picked],
        x=[path.x[k] for k in picked],
        y=[path.y[k] for k in picked],
    )
