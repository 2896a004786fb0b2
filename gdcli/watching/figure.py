"""The losses of watched loops as a figure."""

from __future__ import annotations

import math

from gdcli.contract.figure import Axis, CurvesPanel, Figure, Path, finite
from gdcli.contract.scale import is_log
from gdcli.contract.watch import WatchedLoop, WatchResult

_MOST_CURVES = 6


def figure_of(record: WatchResult) -> Figure:
    """The loss over the iterations of each loop that has several, at most six of them."""
    loops = [loop for loop in record.descents if len(loop.iterations) > 1][:_MOST_CURVES]
    panels = [panel for loop in loops if (panel := _panel(loop)) is not None]
    title = record.settings.script or next((loop.file for loop in record.descents), "")
    return Figure(title, record.message, list(panels))


def _panel(loop: WatchedLoop) -> CurvesPanel | None:
    counts = [step.iteration for step in loop.iterations]
    losses = [math.nan if step.loss is None else step.loss for step in loop.iterations]
    known = finite(losses)
    if not known:
        return None
    log = is_log(known)
    shown = [loss for loss in known if loss > 0] if log else known
    low, high = min(shown), max(shown)
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    title = f"{loop.file}:{loop.line}"
    path = Path(title, counts, list(map(float, counts)), losses)
    return CurvesPanel(
        f"loss at {title}", Axis("iteration", 0.0, float(counts[-1]), whole=True), Axis("loss", low, high, log), [path]
    )
