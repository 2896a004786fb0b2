"""Each panel of a figure on axes of matplotlib."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from gdcli.contract.figure import (
    MARK_NAMES,
    NO_VALUE,
    ContourPanel,
    CurvesPanel,
    FunctionPanel,
    HeatPanel,
    MapLine,
    Mark,
    Panel,
    Path,
    ScatterPanel,
    SweepCurvePanel,
)
from gdcli.contract.short import short
from gdcli.render.picture.style import (
    BLANK,
    CURVE_COLOUR,
    LINE_STYLES,
    MARKS,
    POINT_COLOUR,
    SIGNED_VALUES,
    TANGENT_COLOUR,
    VALUES,
    WORKING,
    path_style,
)
from gdcli.render.run_colours import RUNS
from gdcli.render.terminal.ticks import ticks

_MARKERS = 60  # of a path alone, at most
_FEW_MARKERS = 12  # of each of several paths
_NUMBERS = 60  # entries of a matrix that are written into it, at most
_LONG = 1e4  # numbers below an axis that need room
_LETTER = 0.6  # width of a letter, as a part of the size of the font
_REACH = 0.18  # of a tangent to each side, as a part of the window


def fitting(ax: Any, title: str) -> str:
    """A title in lines that are no longer than the axes are wide."""
    points = ax.get_position().width * ax.get_figure().get_figwidth() * 72
    letters = points / (_LETTER * ax.title.get_fontsize())
    return textwrap.fill(title, max(10, int(letters)))


def draw_panel(ax: Any, panel: Panel) -> None:
    """Draw one panel."""
    kinds: dict[type[Any], Callable[[Any, Any], None]] = {
        CurvesPanel: _curves,
        FunctionPanel: _function,
        ContourPanel: _contour,
        HeatPanel: _heat,
        ScatterPanel: _scatter,
        SweepCurvePanel: _sweep_curve,
    }
    ax.set_title(fitting(ax, panel.title))
    kinds[type(panel)](ax, panel)
    if isinstance(panel, FunctionPanel | ContourPanel) and panel.is_blank:
        ax.text(0.5, 0.5, NO_VALUE, transform=ax.transAxes, ha="center", va="center", color="#555555")
        if isinstance(panel, FunctionPanel):
            ax.set_yticks([])


def markers_of(paths: Sequence[Path], i: int) -> dict[str, Any]:
    """How the states of a path are marked: each one of a short path, and some of several paths, to tell them apart.

    A long path alone is only a line: markers would hide it.
    """
    colour, marker = path_style(i)
    states = len(paths[i].x)
    if len(paths) > 1:
        return {"color": colour, "marker": marker, "markevery": max(1, math.ceil(states / _FEW_MARKERS))}
    if states > _MARKERS:
        return {"color": colour, "label": "path"}
    return {"color": colour, "marker": marker, "label": "steps"}


def legend_below(ax: Any) -> None:
    """Add a legend below the axes, where it hides nothing."""
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, frameon=False, fontsize=12, columnspacing=1.4,
        handletextpad=0.5,
    )  # fmt: skip


def _curves(ax: Any, panel: CurvesPanel) -> None:
    if panel.y.log:
        from matplotlib.ticker import FuncFormatter, NullFormatter

        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    for i, curve in enumerate(panel.curves):
        colour, marker = path_style(i)
        spacing = max(1, len(curve.x) // 10)
        ax.plot(curve.x, curve.y, color=colour, marker=marker, markevery=spacing, markersize=6, label=curve.label)
    _lines(ax, panel.lines)
    ax.set_ylim(*_with_margin(panel.y.low, panel.y.high, log=panel.y.log))
    if panel.x.whole:
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    if len(panel.curves) > 1 or panel.lines:
        legend_below(ax)
    ax.grid(alpha=0.35)
    ax.set_xlabel(panel.x.label)


def _lines(ax: Any, lines: Sequence[MapLine]) -> None:
    """The lines that curves or points are compared with."""
    for line, style in zip(lines, itertools.cycle(LINE_STYLES), strict=False):
        ax.plot(line.x, line.y, color=CURVE_COLOUR, linewidth=1.8, linestyle=style, label=line.label)


def _with_margin(low: float, high: float, *, log: bool) -> tuple[float, float]:
    """A little more than a window, at both ends."""
    if log:
        beyond = (high / low) ** 0.04
        return low / beyond, high * beyond
    beyond = 0.04 * (high - low)
    return low - beyond, high + beyond


def _function(ax: Any, panel: FunctionPanel) -> None:
    ax.plot(panel.grid, panel.values, color=CURVE_COLOUR, linewidth=2, label="function")
    if panel.derivative is not None:
        ax.plot(panel.grid, panel.derivative, color=RUNS[0], linewidth=2, linestyle="--", label="derivative")
    for i, path in enumerate(panel.paths):
        named = {"label": path.label} if len(panel.paths) > 1 else {}
        ax.plot(path.x, path.y, linewidth=1.2, markersize=6, **markers_of(panel.paths, i), **named)
    if panel.tangent is not None:
        at, reach = panel.tangent, _REACH * (panel.x.high - panel.x.low)
        ends = [at.x - reach, at.x + reach]
        label = f"tangent at the end ({short(at.slope, 3)})"
        heights = [at.y + at.slope * (x - at.x) for x in ends]
        ax.plot(ends, heights, color=TANGENT_COLOUR, linewidth=2, linestyle="--", label=label)
    _marks(ax, _inside(panel))
    _window(ax, panel)
    ax.grid(alpha=0.35)
    ax.set_xlabel(panel.x.label)
    if panel.paths or panel.derivative is not None:
        legend_below(ax)


def _fewer_ticks(ax: Any, panel: ContourPanel | ScatterPanel) -> None:
    """Keep long numbers below an axis apart."""
    if max(abs(panel.x.low), abs(panel.x.high)) >= _LONG:
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(nbins=5))


def _window(ax: Any, panel: FunctionPanel | ContourPanel | ScatterPanel) -> None:
    ax.set_xlim(panel.x.low, panel.x.high)
    ax.set_ylim(panel.y.low, panel.y.high)


def edges(panel: ContourPanel) -> list[float]:
    """The levels of a panel between its smallest and its largest value."""
    known = panel.values()
    return sorted({min(known), *panel.levels, max(known)}) if known else []


def _contour(ax: Any, panel: ContourPanel) -> None:
    from matplotlib.colors import BoundaryNorm

    ax.set_facecolor(BLANK)
    bands = edges(panel)
    if len(bands) > 1:
        norm = BoundaryNorm(bands, 256)
        filled = ax.contourf(panel.grid_x, panel.grid_y, panel.z, levels=bands, cmap=VALUES, norm=norm)
        lines = bands[1:-1]
        ax.contour(panel.grid_x, panel.grid_y, panel.z, levels=lines, colors="white", linewidths=0.5, alpha=0.6)
        bar = ax.figure.colorbar(filled, ax=ax, format="%.3g", ticks=bands, shrink=0.9, pad=0.02)
        bar.ax.tick_params(labelsize=10)
        bar.outline.set_visible(False)
    if panel.field:
        ax.quiver(
            [arrow.x for arrow in panel.field], [arrow.y for arrow in panel.field],
            [arrow.dx for arrow in panel.field], [arrow.dy for arrow in panel.field],
            angles="xy", scale_units="xy", scale=1, color="white", edgecolor="black", linewidth=0.4, width=0.005,
            headwidth=4,
        )  # fmt: skip
    for i, path in enumerate(panel.paths):
        ax.plot(path.x, path.y, color="white", linewidth=3.6, solid_capstyle="round")
        edge = {"markersize": 6, "markeredgecolor": "white", "markeredgewidth": 0.7}
        ax.plot(path.x, path.y, linewidth=1.8, **edge, **markers_of(panel.paths, i))  # several are named beside it
    _marks(ax, _inside(panel))
    _window(ax, panel)
    _fewer_ticks(ax, panel)
    if panel.equal:
        ax.set_aspect("equal", anchor="E")
    ax.set_xlabel(panel.x.label)
    ax.set_ylabel(panel.y.label)
    if panel.marks:
        legend_below(ax)


def _heat(ax: Any, panel: HeatPanel) -> None:
    image = ax.imshow(panel.values, cmap=SIGNED_VALUES, vmin=panel.low, vmax=panel.high, aspect="auto")
    rows, columns = len(panel.values), len(panel.values[0])
    if rows * columns <= _NUMBERS:
        for i, row in enumerate(panel.values):
            for j, number in enumerate(row):
                shade = on_heat(number, panel.high)
                ax.text(j, i, short(number, 3), ha="center", va="center", fontsize=11, color=shade)
    ax.set_xticks(range(columns) if columns <= 20 else [0, columns - 1])
    ax.set_yticks(range(rows) if rows <= 20 else [0, rows - 1])
    ax.figure.colorbar(image, ax=ax, format="%.3g", pad=0.02)


def _scatter(ax: Any, panel: ScatterPanel) -> None:
    ax.plot(
        panel.points_x, panel.points_y, linestyle="none", marker="o", markersize=5.5, color=POINT_COLOUR,
        markeredgecolor="#00000055", markeredgewidth=0.6, label=panel.points,
    )  # fmt: skip
    if panel.fit is not None:
        ax.plot(panel.fit.x, panel.fit.y, color=RUNS[0], linewidth=2.6, label=panel.fit.label)
    _lines(ax, panel.lines)
    _window(ax, panel)
    _fewer_ticks(ax, panel)
    ax.grid(alpha=0.35)
    ax.set_xlabel(panel.x.label)
    ax.set_ylabel(panel.y.label)
    legend_below(ax)


def _sweep_curve(ax: Any, panel: SweepCurvePanel) -> None:
    from matplotlib.ticker import NullLocator

    for i, (low, high) in enumerate(panel.works):
        ax.axvspan(low, high, color=WORKING, linewidth=0, label="runs converge" if i == 0 else None)
    lonely = len(panel.grid) <= _MARKERS
    ax.plot(panel.grid, panel.values, color=CURVE_COLOUR, linewidth=2, marker="o" if lonely else ".", markersize=4)
    for i, line in enumerate(panel.lines):
        colour = RUNS[i % len(RUNS)]
        ax.axvline(line.x[0], color=colour, linewidth=2, linestyle="--", label=line.label)
    for axis, along, set_ticks in ((panel.x, ax.xaxis, ax.set_xticks), (panel.y, ax.yaxis, ax.set_yticks)):
        if axis.log:
            along.axes.set_xscale("log") if along is ax.xaxis else along.axes.set_yscale("log")
            along.set_minor_locator(NullLocator())
        chosen = ticks(axis, 7)
        set_ticks([number for number, _ in chosen], [text for _, text in chosen])
    ax.set_xlim(panel.x.low, panel.x.high)
    ax.set_ylim(*_with_margin(panel.y.low, panel.y.high, log=panel.y.log))
    ax.grid(alpha=0.35)
    ax.set_xlabel(panel.x.label)
    ax.set_ylabel(panel.y.label)
    if panel.works or panel.lines:
        legend_below(ax)


def on_heat(number: float, high: float) -> str:
    """The colour of a number that is written on its own colour."""
    return "white" if abs(number) > 0.6 * high else "black"


def _inside(panel: FunctionPanel | ContourPanel) -> list[Mark]:
    """The marks in the window."""
    return [mark for mark in panel.marks if panel.x.holds(mark.x) and panel.y.holds(mark.y)]


def _marks(ax: Any, marks: Sequence[Mark]) -> None:
    """The ends of the paths and the known minima, above everything else."""
    named: set[str] = set()
    for mark in marks:
        shape, colour, area = MARKS[mark.kind]
        label = None if mark.kind in named else MARK_NAMES[mark.kind]
        named.add(mark.kind)
        ax.scatter(
            [mark.x], [mark.y], marker=shape, s=area, c=colour, edgecolors="black", linewidths=1.3, zorder=5,
            label=label,
        )  # fmt: skip
