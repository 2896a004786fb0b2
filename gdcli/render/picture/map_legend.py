"""The legend of a map in a picture: a bar for each scale of convergence or divergence, a sample for all others."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from gdcli.contract.figure import MapLine, MapPanel, MapScale
from gdcli.render.map_colours import NOT_RUN, colours_of, rare_basins, steps_of_basin, steps_of_basins
from gdcli.render.numbers import percent
from gdcli.render.terminal.ticks import three_digits

_BAR, _ROW, _BARS = 0.2, 0.27, 0.75  # inches: the height of a bar, of a row of samples, of the bars with their texts
_SAMPLE, _SIZE = 0.5, 11  # inches, points
_SHORT = 31  # letters of a sample that has another one beside it
_LETTER = 0.082  # inches, of a text of this size


def bars_of(panel: MapPanel) -> list[MapScale]:
    """The scales that are bars, so that they meet at the edge: convergence, then divergence."""
    kinds = ("converged", "diverged")
    return [scale for kind in kinds for scale in panel.scales if scale.kind == kind and scale.ticks and scale.share > 0]


def samples_of(panel: MapPanel) -> tuple[list[MapScale], int]:
    """The scales that are samples, and how many basins are left out."""
    shown = [scale for scale in panel.scales if scale.share > 0 and scale not in bars_of(panel)]
    left_out = rare_basins(shown)
    return [scale for scale in shown if scale not in left_out], len(left_out)


def height_of_legend(panel: MapPanel) -> float:
    """The inches that it takes."""
    return _BARS * bool(bars_of(panel)) + _ROW * len(_rows(panel))


_Entry = tuple[MapScale | MapLine | None, str]
"""What a text in the legend is about, None for a remark."""


def _rows(panel: MapPanel) -> list[list[_Entry]]:
    """The entries row by row: two beside each other if all are short, but a remark alone."""
    samples, left_out = samples_of(panel)
    steps = steps_of_basins([scale for scale in samples if scale.kind == "basin"])
    entries: list[_Entry] = [(scale, _text(scale, steps=not steps)) for scale in samples]
    entries += [(line, line.label) for line in panel.lines]
    remarks = [steps] * bool(steps)
    if left_out:
        remarks.append(f"and {left_out} more")
    if not_run := panel.group.count(NOT_RUN):
        remarks.append(f"not run {percent(not_run / len(panel.group))}")
    beside = 2 if max((len(text) for _, text in entries), default=0) <= _SHORT else 1
    rows = [entries[i : i + beside] for i in range(0, len(entries), beside)]
    return rows + [[(None, remark)] for remark in remarks]


def _text(scale: MapScale, *, steps: bool) -> str:
    text = f"{scale.label} {percent(scale.share)}"
    return f"{text} {steps_of_basin(scale)}" if steps and scale.kind == "basin" and scale.ticks else text


def draw_legend(ax: Any, panel: MapPanel, wide: float, high: float, dashes: Sequence[Any]) -> None:
    """Draw it on axes of ``wide`` by ``high`` inches."""
    bars = bars_of(panel)
    for i, scale in enumerate(bars):
        _bar(ax, scale, (i * wide / len(bars), wide / len(bars)), high - 0.25 - _BAR)
    top = high - _BARS * bool(bars)
    for i, row in enumerate(_rows(panel)):
        for k, (about, text) in enumerate(row):
            place = k * wide / 2, top - (i + 0.75) * _ROW
            _sample(ax, panel, about, place, dashes)
            start = place[0] + (_SAMPLE + 0.1 if about is not None else 0)
            room = int((wide - start) / _LETTER)
            ax.text(start, place[1] + 0.075, textwrap.shorten(text, room), fontsize=_SIZE, va="center")
    ax.set_xlim(0, wide)
    ax.set_ylim(0, high)
    ax.set_axis_off()


def _sample(
    ax: Any, panel: MapPanel, about: MapScale | MapLine | None, place: tuple[float, float], dashes: Sequence[Any]
) -> None:
    """What an entry looks like in the map."""
    left, low = place
    if isinstance(about, MapScale):
        _colours(ax, colours_of(about), (left, left + _SAMPLE, low, low + 0.16))
    elif isinstance(about, MapLine):
        points = [left, left + _SAMPLE], [low + 0.08] * 2
        ax.plot(*points, color="black", linewidth=2.8)
        ax.plot(*points, color="white", linewidth=1.4, linestyle=dashes[panel.lines.index(about) % len(dashes)])


def _bar(ax: Any, scale: MapScale, across: tuple[float, float], low: float) -> None:
    """A bar from left to right, with its label above it and its numbers below."""
    left, wide = across
    turned = scale.kind == "converged"  # it ends at the edge, where divergence begins
    _colours(ax, colours_of(scale)[:: -1 if turned else 1], (left, left + wide, low, low + _BAR))
    label = textwrap.shorten(_text(scale, steps=False), int(wide / _LETTER))
    ax.text(left + wide / 2, low + _BAR + 0.04, label, fontsize=_SIZE, ha="center", va="bottom")
    texts = [three_digits(number) for _, number in scale.ticks]
    every = 1 if max(map(len, texts)) * len(texts) * _LETTER * 1.25 < wide else max(1, len(texts) - 1)
    for (level, _), text in list(zip(scale.ticks, texts, strict=True))[::every]:
        share = 1 - level / 255 if turned else level / 255
        align = "left" if share < 0.05 else "right" if share > 0.95 else "center"
        nudge = 0.04 if share < 0.05 else -0.04 if share > 0.95 else 0.0
        ax.text(left + share * wide + nudge, low - 0.04, text, fontsize=_SIZE, ha=align, va="top")


def _colours(ax: Any, colours: Sequence[tuple[int, int, int]], extent: tuple[float, float, float, float]) -> None:
    import numpy as np

    ax.imshow(np.array([colours], np.uint8), extent=extent, aspect="auto", interpolation="none")
