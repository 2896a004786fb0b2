"""The legend of a map: each scale with its share, and the numbers at its ticks."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment

from gdcli.contract.figure import MapLine, MapPanel, MapScale
from gdcli.render.map_colours import LEVELS, NOT_RUN, rare_basins, steps_of_basin, steps_of_basins
from gdcli.render.numbers import percent
from gdcli.render.terminal.map_signs import MapInk
from gdcli.render.terminal.sheet import Line, Piece, flowing, wrapped
from gdcli.render.terminal.ticks import three_digits

_WIDEST = 36  # cells of a bar


def map_legend(panel: MapPanel, width: int, ink: MapInk) -> list[Line]:
    """The bars of convergence and divergence, then the basins, what else there is, and the lines."""
    numbered = [(i, scale) for i, scale in enumerate(panel.scales) if scale.share > 0]
    in_bars = []
    if ink.palette.colourful:
        kinds = ("converged", "diverged")
        in_bars = [i for kind in kinds for i, scale in numbered if scale.kind == kind and scale.ticks]
    basins = [scale for _, scale in numbered if scale.kind == "basin"]
    steps = steps_of_basins(basins) if ink.palette.colourful else ""
    left_out = rare_basins(basins)
    shown = [(i, scale) for i, scale in numbered if i not in in_bars and scale not in left_out]
    entries = [_entry(i, scale, ink, steps=not steps) for i, scale in shown]
    if left_out:
        entries.append([Piece(f"and {len(left_out)} more")])
    if not_run := panel.group.count(NOT_RUN):
        entries.append([Piece(f"not run {percent(not_run / len(panel.group))}")])
    entries += [[Piece(_stroke(line, ink)), Piece(f" {ink.printable(line.label)}")] for line in panel.lines]
    lines = _bars([(i, panel.scales[i]) for i in in_bars], width, ink)
    lines += flowing([part for entry in entries for part in wrapped(entry, width)], width)
    return [*lines, *([Segment(part)] for part in textwrap.wrap(steps, width))]


def _stroke(line: MapLine, ink: MapInk) -> str:
    """A sample of a line: upright if it is vertical."""
    return ink.line or ("⡇" if len(set(line.x)) == 1 else "⠒⠒")


def _entry(number: int, scale: MapScale, ink: MapInk, *, steps: bool) -> list[Piece]:
    """A sample of a scale, its label and share, and the numbers at its ticks; of a basin only where they are wanted."""
    label = f" {ink.printable(scale.label)} {percent(scale.share)}"
    shades = not ink.palette.colourful and scale.kind == "converged"
    if scale.ticks and shades:
        label += f" ({', '.join(three_digits(number) for _, number in scale.ticks)})"
    elif scale.ticks and scale.kind == "basin" and steps and ink.palette.colourful:
        label += f" {steps_of_basin(scale)}"
    if shades:
        return [Piece(ink.shades if scale.ticks else ink.sign(number, 0)), Piece(label)]
    if not ink.palette.colourful:
        return [Piece(ink.sign(number, 0)), Piece(label)]
    levels = (0, LEVELS // 2, LEVELS - 1) if scale.ticks else (0, 0)
    return [*(Piece(" ", ink.palette.style(None, ink.colour(number, level))) for level in levels), Piece(label)]


def _bars(scales: Sequence[tuple[int, MapScale]], width: int, ink: MapInk) -> list[Line]:
    """The scales as bars that meet at the edge, if their labels fit above them; otherwise one below the other."""
    if not scales:
        return []
    labels = [f"{ink.printable(scale.label)} {percent(scale.share)}" for _, scale in scales]
    wide = min(_WIDEST, width // len(scales))
    if len(scales) > 1 and max(map(cell_len, labels)) >= wide:
        return [line for each in scales for line in _bars([each], width, ink)]
    bar: Line = []
    for i, scale in scales:
        levels = [round(k / (wide - 1) * (LEVELS - 1)) for k in range(wide)]
        bar += [Segment(" ", ink.palette.style(None, ink.colour(i, level))) for level in _turned(scale, levels)]
    above = ["".join(set_cell_size(label, wide) for label in labels)] if len(labels) > 1 else []
    above = above or textwrap.wrap(labels[0], width)
    below = "".join(_tick_texts(scale, wide) for _, scale in scales)
    return [*([Segment(text.rstrip())] for text in above), bar, [Segment(below.rstrip())]]


def _turned(scale: MapScale, levels: list[int]) -> list[int]:
    """Levels from left to right: convergence ends at the edge, where divergence begins."""
    return levels[::-1] if scale.kind == "converged" else levels


def _tick_texts(scale: MapScale, wide: int) -> str:
    """The numbers at the ticks below a bar: the first, the last, and those between that fit."""
    line = [" "] * wide
    first, *others = scale.ticks
    for level, number in [first, *others[-1:], *others[:-1]]:
        text = three_digits(number)
        place = level / (LEVELS - 1)
        middle = round((1 - place if scale.kind == "converged" else place) * (wide - 1))
        start = min(max(0, middle - len(text) // 2), wide - 1 - len(text))
        around = line[max(0, start - 1) : start + len(text) + 1]
        if start >= 0 and not "".join(around).strip():
            line[start : start + len(text)] = text
    return "".join(line)
