"""A descent as an animation (GIF or MP4): the paths grow on the panels, with what is counted and the loss."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import IO, Any, NamedTuple

from msgspec.structs import replace

from gdcli.contract.figure import (
    ContourPanel,
    CurvesPanel,
    Figure,
    FunctionPanel,
    HeatPanel,
    Mark,
    Panel,
    Path,
    ScatterPanel,
    largest_size,
)
from gdcli.contract.short import short
from gdcli.errors import OutsideError
from gdcli.render.picture.panels import on_heat
from gdcli.render.picture.picture import drawn
from gdcli.render.picture.style import RC, path_style
from gdcli.render.picture.surface import heights_on
from gdcli.unfinished import undone_by

_DOTS_PER_INCH = 80  # 1024 x 512
_HOLD = 1.5  # seconds that the last frame stays before a GIF restarts


class Pace(NamedTuple):
    """Frames per second, and the length in seconds."""

    fps: int
    seconds: float


def save_animation(figure: Figure, ending: str, file: IO[bytes], pace: Pace, *, surface: bool = False) -> None:
    """Draw a figure into a file, ".gif" or ".mp4", from the first state to the last at constant speed.

    Raises:
        OutsideError: when ffmpeg fails.
    """
    import matplotlib as mpl

    with mpl.rc_context(RC):
        film = _Film(figure, surface=surface)
        (_save_gif if ending == ".gif" else _save_mp4)(film, film.counts(pace), pace, file)


@dataclass(frozen=True)
class _Runner:
    """A path that grows: its line, the point at its end, and their coordinates."""

    path: Path
    line: Any
    head: Any
    columns: tuple[Any, ...]

    def show(self, count: int) -> None:
        """Show it up to a count."""
        states = max(1, bisect_right(self.path.counts, count))
        for artist, part in ((self.line, slice(0, states)), (self.head, slice(states - 1, states))):
            if len(self.columns) == 3:
                artist.set_data_3d(*(column[part] for column in self.columns))
            else:
                artist.set_data(*(column[part] for column in self.columns))


@dataclass(frozen=True)
class _Matrix:
    """A matrix that changes: its picture, and the numbers in it."""

    panel: HeatPanel
    image: Any
    numbers: Sequence[Any]

    def show(self, iteration: int) -> None:
        """Show it as it was at an iteration."""
        states = self.panel.history
        state = states[max(1, bisect_right(states, iteration, key=lambda state: state.iteration)) - 1]
        self.image.set_data(state.values)
        numbers = (number for row in state.values for number in row)
        for text, number in zip(self.numbers, numbers, strict=False):
            text.set_text(short(number, 3))
            text.set_color(on_heat(number, self.panel.high))


@dataclass(frozen=True)
class _Points:
    """Points that move, or a fit through points that moves."""

    panel: ScatterPanel
    points: Any
    fit: Any

    def show(self, count: int) -> None:
        """Show them as they were at a count."""
        states = self.panel.history
        state = states[max(1, bisect_right(states, count, key=lambda state: state.iteration)) - 1]
        self.points.set_data(state.x or self.panel.points_x, state.y or self.panel.points_y)
        if self.panel.fit is not None:
            self.fit.set_data(self.panel.fit.x, state.fit)


class _Film:
    """The static part of a picture, drawn once, and the moving parts."""

    def __init__(self, figure: Figure, *, surface: bool) -> None:
        panels = [_still(panel) for panel in figure.panels]
        kept = [(panel, still) for panel, still in zip(figure.panels, panels, strict=True) if still is not None]
        self.figure = figure
        self.canvas, axes = drawn(replace(figure, panels=[still for _, still in kept]), surface=surface)
        self.canvas.set_dpi(_DOTS_PER_INCH)
        self._moving: list[tuple[Any, Any]] = []
        self._runners: list[_Runner] = []
        self._matrices: list[_Matrix] = []
        self._points: list[_Points] = []
        for ax, (panel, still) in zip(axes, kept, strict=True):
            for i, (path, columns) in enumerate(_moving(panel, figure, in_space=surface)):
                self._runners.append(self._runner(ax, i, path, columns))
            if isinstance(still, HeatPanel):
                self._matrices.append(self._matrix(ax, still))
            if isinstance(panel, ScatterPanel):
                self._points.append(self._scatter(ax, panel))
        counter = self.canvas.text(0.01, 0.985, "", va="top", fontsize=15, family="DejaVu Sans Mono", animated=True)
        self._counter = counter
        self._moving.append((None, counter))
        self.canvas.canvas.draw()
        self._background = self.canvas.canvas.copy_from_bbox(self.canvas.bbox)  # type: ignore[attr-defined]

    def _runner(self, ax: Any, i: int, path: Path, columns: tuple[Any, ...]) -> _Runner:
        import numpy as np

        colour, marker = path_style(i)
        columns = tuple(map(np.array, columns))
        start = [column[:1] for column in columns]
        (line,) = ax.plot(*start, color=colour, linewidth=2.4, animated=True, zorder=20)
        (head,) = ax.plot(
            *start, color=colour, marker=marker, markersize=11, markeredgecolor="white", markeredgewidth=1.5,
            linestyle="none", animated=True, zorder=21,
        )  # fmt: skip
        self._moving += [(ax, line), (ax, head)]
        return _Runner(path, line, head, columns)

    def _matrix(self, ax: Any, panel: HeatPanel) -> _Matrix:
        matrix = _Matrix(panel, ax.images[0], list(ax.texts))
        for artist in (matrix.image, *matrix.numbers):
            artist.set_animated(True)
            self._moving.append((ax, artist))
        return matrix

    def _scatter(self, ax: Any, panel: ScatterPanel) -> _Points:
        points, fit = ax.lines[0], ax.lines[1] if panel.fit is not None else None
        for artist in (points, fit):
            if artist is not None:
                artist.set_animated(True)
                self._moving.append((ax, artist))
        return _Points(panel, points, fit)

    def counts(self, pace: Pace) -> list[int]:
        """What each frame shows: an iteration, or a number of evaluations, as the paths count."""
        first = min(runner.path.counts[0] for runner in self._runners)
        last = max(runner.path.counts[-1] for runner in self._runners)
        frames = max(2, round(pace.fps * pace.seconds))
        return [first + round((last - first) * i / (frames - 1)) for i in range(frames)]

    def frame(self, count: int) -> memoryview:
        """The picture at a count, as rows of RGBA."""
        canvas: Any = self.canvas.canvas
        canvas.restore_region(self._background)
        for runner in self._runners:
            runner.show(count)
        for matrix in self._matrices:
            matrix.show(count)
        for points in self._points:
            points.show(count)
        self._counter.set_text(self._state(count))
        for ax, artist in self._moving:
            (ax or self.canvas).draw_artist(artist)
        view: memoryview = canvas.buffer_rgba()
        return view

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self.canvas.canvas.get_width_height()
        return width, height

    def _state(self, count: int) -> str:
        """The count, and the loss there where one path is shown."""
        counted = self._runners[0].path.counted if self._runners else "iteration"
        text = f"{counted} {count:,}"
        for panel in self.figure.panels:
            if isinstance(panel, CurvesPanel) and len(panel.curves) == 1:
                curve = panel.curves[0]
                return f"{text}\nloss {short(curve.y[bisect_right(curve.counts, count) - 1], 4)}"
        return text


def _still(panel: Panel) -> Panel | None:
    """A panel without its paths, in the same window; None for a matrix that is known at one iteration only."""
    match panel:
        case FunctionPanel():
            return replace(panel, paths=[], marks=_minima(panel), tangent=None)
        case ContourPanel():
            return replace(panel, paths=[], marks=_minima(panel))
        case HeatPanel():
            largest = largest_size(number for state in panel.history for row in state.values for number in row)
            name = panel.title.partition(" at iteration ")[0]
            return replace(panel, title=name, low=-largest, high=largest) if panel.history else None
        case ScatterPanel():
            return panel if panel.history else None
    return panel


def _minima(panel: FunctionPanel | ContourPanel) -> list[Mark]:
    return [mark for mark in panel.marks if mark.kind in ("minimum", "exact")]


def _moving(panel: Panel, figure: Figure, *, in_space: bool) -> Iterator[tuple[Path, tuple[Sequence[float], ...]]]:
    """The paths of a panel with the numbers that are drawn."""
    paths = panel.curves if isinstance(panel, CurvesPanel) else getattr(panel, "paths", [])
    for path in paths:
        if in_space and isinstance(panel, ContourPanel):
            yield path, (path.x, path.y, heights_on(panel, path, figure))
        else:
            yield path, (path.x, path.y)


def _save_gif(film: _Film, counts: Sequence[int], pace: Pace, file: IO[bytes]) -> None:
    from PIL import Image

    shown: list[int] = []  # each count once, as long as it lasts
    milliseconds: list[int] = []
    for count in counts:
        if shown and shown[-1] == count:
            milliseconds[-1] += 1000 // pace.fps
        else:
            shown.append(count)
            milliseconds.append(1000 // pace.fps)
    milliseconds[-1] += int(1000 * _HOLD)
    last = Image.frombuffer("RGBA", film.size, film.frame(shown[-1])).convert("RGB")
    palette = last.quantize(colors=128)  # of the last frame, which has every colour
    frames = (
        Image.frombuffer("RGBA", film.size, film.frame(count))
        .convert("RGB")
        .quantize(palette=palette, dither=Image.Dither.NONE)
        for count in shown
    )
    next(frames).save(
        file, format="GIF", save_all=True, append_images=frames, duration=milliseconds, loop=0, optimize=False
    )


def _save_mp4(film: _Film, counts: Sequence[int], pace: Pace, file: IO[bytes]) -> None:
    width, height = film.size
    with _place_for_ffmpeg(file) as path, tempfile.TemporaryFile() as said:
        command = [
            "ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pixel_format", "rgba", "-video_size",
            f"{width}x{height}", "-framerate", str(pace.fps), "-i", "-", "-pix_fmt", "yuv420p",
            "-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-movflags", "+faststart", "-fflags", "+bitexact",
            "-flags:v", "+bitexact", "-f", "mp4", f"file:{path}",
        ]  # fmt: skip
        with (
            contextlib.suppress(BrokenPipeError),  # the output of ffmpeg says why
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said) as ffmpeg,  # noqa: S603
            undone_by(ffmpeg.kill),
        ):
            for count in counts:
                ffmpeg.stdin.write(film.frame(count))  # type: ignore[union-attr]
        if ffmpeg.returncode != 0:
            raise OutsideError("ffmpeg", f"ffmpeg failed: {_reason(ffmpeg.returncode, said)}", "save a .gif instead")
        if path != getattr(file, "name", None):
            file.write(FilePath(path).read_bytes())


@contextlib.contextmanager
def _place_for_ffmpeg(file: IO[bytes]) -> Iterator[str]:
    """The path that ffmpeg writes to: the file itself, or a temporary one where it cannot go back to the beginning."""
    name = getattr(file, "name", None)
    if isinstance(name, str) and file.seekable():
        yield name
        return
    with tempfile.NamedTemporaryFile(prefix=f"gdcli-{os.getpid()}-", suffix=".mp4") as temporary:

        def remove() -> None:
            FilePath(temporary.name).unlink(missing_ok=True)

        with undone_by(remove):
            yield temporary.name


def _reason(code: int, said: IO[bytes]) -> str:
    """Why ffmpeg has failed: its last words, or the signal that ended it."""
    if code < 0:
        return signal.strsignal(-code) or f"signal {-code}"
    said.seek(0)
    lines = said.read().decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line), f"exit code {code}")
