"""All cells of a sweep as a file: NPZ, Parquet or CSV, written in pieces, so that memory does not grow with the map."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

import torch

from gdcli.sweeps.ends import NAMES, Cells, memory_of
from gdcli.sweeps.npz import Member, write_npz
from gdcli.tensors import labels_of, rows_of

if TYPE_CHECKING:
    from gdcli.sweeps.sweep import Sweep

_ROWS = 65_536  # at a time
_BYTES = 1 << 22  # that are copied at a time


class Piece(NamedTuple):
    """Cells that follow each other: the number of the first, how they ended, and which minimum each reached, or -1.

    ``measured`` is the distance or the rate of each, where ``--measure`` asks for it.
    """

    first: int
    cells: Cells
    reached: torch.Tensor
    measured: torch.Tensor | None


class Writer(Protocol):
    """Writes the cells of a sweep into a file."""

    def write(self, piece: Piece) -> None:
        """Take the next cells."""

    def finish(self) -> None:
        """Complete the file."""

    def close(self) -> None:
        """Let go of the file, which stays open: the last call, also where something went wrong before."""


def writer_of(sweep: Sweep, ending: str, file: IO[bytes]) -> Writer:
    """What writes all cells into an open file, by the ending of its name.

    NPZ: ``status`` (a code, by its place in ``status_names``), ``steps``, ``loss``, ``minimum``, ``distance`` or
    ``rate`` where it is measured, ``axis.NAME``, and the end points as ``end.NAME``; with two axes, a cell is at [place
    on the second, place on the first]. CSV and Parquet: a row for each cell, the first axis fastest.
    """
    kinds: dict[str, Callable[[Sweep, IO[bytes]], Writer]] = {".npz": _Npz, ".csv": _Csv, ".parquet": _Parquet}
    return kinds[ending](sweep, file)


def save(sweep: Sweep, ending: str, file: IO[bytes]) -> None:
    """Write all cells of a sweep that has them in memory."""
    if ending == ".npz":
        arrays = {c.name: Member(c.dtype, c.shape, _bytes_of(c, sweep)) for c in _columns(sweep)}
        _write_npz(sweep, arrays, file)
        return
    with contextlib.closing(writer_of(sweep, ending, file)) as writer:
        for piece in pieces_of(sweep):
            writer.write(piece)
        writer.finish()


def pieces_of(sweep: Sweep) -> Iterator[Piece]:
    """All cells of a sweep that has them in memory."""
    for first, cells in sweep.cells.pieces():
        yield Piece(first, cells, sweep.reached[first : first + len(cells)], sweep.measured(cells))


# NPZ: an array for each quantity


class _Column(NamedTuple):
    """An array of an NPZ file, and how it is made of a piece."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    of: Callable[[Piece], torch.Tensor]


def _columns(sweep: Sweep) -> list[_Column]:
    shape = tuple(len(axis) for axis in sweep.axes[::-1])
    exact, leaves = sweep.cells.loss.dtype, sweep.problem.leaves
    found = [
        _Column("status", torch.int8, shape, lambda piece: piece.cells.status),
        _Column("steps", torch.int32, shape, lambda piece: piece.cells.steps),
        _Column("loss", exact, shape, lambda piece: piece.cells.loss),
        _Column("minimum", torch.int16, shape, lambda piece: piece.reached),
    ]
    if sweep.settings.measure in MEASURED:
        found.append(_Column(sweep.settings.measure, torch.float32, shape, _measured))
    for name, rows in rows_of(leaves).items():
        of: Callable[[Piece], torch.Tensor] = lambda piece, rows=rows: piece.cells.x[rows].T  # type: ignore[misc]  # noqa: E731
        found.append(_Column(f"end.{name}", exact, (*shape, *leaves[name].shape), of))
    return found


MEASURED = ("distance", "rate")
"""What ``--measure`` asks for that is more than how a cell ended."""


def _measured(piece: Piece) -> torch.Tensor:
    if piece.measured is None:
        raise ValueError("a piece without what is measured")
    return piece.measured


def _bytes_of(column: _Column, sweep: Sweep) -> Iterator[memoryview]:
    for piece in pieces_of(sweep):
        numbers = column.of(piece).contiguous()
        if numbers.nbytes:
            yield memory_of(numbers)


def _write_npz(sweep: Sweep, arrays: dict[str, Member], file: IO[bytes]) -> None:
    axes = {f"axis.{axis.name}": sweep.grid.numbers[k] for k, axis in enumerate(sweep.axes)}
    names = ["not_run", *(NAMES.get(code, "") for code in range(1, max(NAMES) + 1))]
    write_npz(file, {**axes, **arrays}, {"status_names": names})


class _Npz:
    """An NPZ file of cells that come in pieces: each array grows in a file of its own, beside the target."""

    def __init__(self, sweep: Sweep, file: IO[bytes]) -> None:
        self._sweep, self._file = sweep, file
        self._columns = _columns(sweep)
        name = getattr(file, "name", None)
        folder = Path(name).parent if isinstance(name, str) and Path(name).is_file() else None
        self._grown = [tempfile.TemporaryFile(dir=folder) for _ in self._columns]  # noqa: SIM115 -- closed by close

    def write(self, piece: Piece) -> None:
        for column, grown in zip(self._columns, self._grown, strict=True):
            numbers = column.of(piece).contiguous()
            grown.write(memory_of(numbers))

    def finish(self) -> None:
        arrays = {
            column.name: Member(column.dtype, column.shape, _copied(grown))
            for column, grown in zip(self._columns, self._grown, strict=True)
        }
        _write_npz(self._sweep, arrays, self._file)

    def close(self) -> None:
        for grown in self._grown:
            grown.close()


def _copied(grown: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a file, which is closed, and so removed, at its end."""
    with grown:
        grown.seek(0)
        while part := grown.read(_BYTES):
            yield part


# CSV and Parquet: a row for each cell


def _labels(sweep: Sweep) -> list[str]:
    """The names of the columns."""
    measured = [sweep.settings.measure] if sweep.settings.measure in MEASURED else []
    ends = [f"end.{label}" for label in labels_of(sweep.problem.leaves)]
    return [*(axis.name for axis in sweep.axes), "status", "steps", "loss", "minimum", *measured, *ends]


def _rows(sweep: Sweep, piece: Piece) -> Iterator[list[list[Any]]]:
    """The columns of the cells of a piece, some at a time."""
    names = {0: "not_run", **NAMES}
    for start in range(0, len(piece.cells), _ROWS):
        some = slice(start, min(start + _ROWS, len(piece.cells)))
        numbers = torch.arange(piece.first + some.start, piece.first + some.stop)
        cells = piece.cells
        yield [
            *(sweep.grid.at(numbers, k).tolist() for k in range(len(sweep.axes))),
            [names[code] for code in cells.status[some].tolist()],
            cells.steps[some].tolist(),
            cells.loss[some].tolist(),
            [number if number >= 0 else None for number in piece.reached[some].tolist()],
            *([] if piece.measured is None else [piece.measured[some].tolist()]),
            *(row[some].tolist() for row in cells.x),
        ]


class _Csv:
    def __init__(self, sweep: Sweep, file: IO[bytes]) -> None:
        import csv

        self._sweep = sweep
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(_labels(sweep))

    def write(self, piece: Piece) -> None:
        for columns in _rows(self._sweep, piece):
            self._writer.writerows(zip(*columns, strict=True))

    def finish(self) -> None:
        self._text.flush()

    def close(self) -> None:
        self._text.detach()


class _Parquet:
    def __init__(self, sweep: Sweep, file: IO[bytes]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._sweep, self._pa = sweep, pa
        exact = pa.float64() if sweep.cells.loss.dtype == torch.float64 else pa.float32()
        kinds = {"status": pa.dictionary(pa.int8(), pa.string()), "steps": pa.int32(), "minimum": pa.int16()}
        kinds |= dict.fromkeys(MEASURED, pa.float32())
        axes, labels = len(sweep.axes), _labels(sweep)
        fields = [(name, pa.float64() if i < axes else kinds.get(name, exact)) for i, name in enumerate(labels)]
        self._writer = pq.ParquetWriter(file, pa.schema(fields))

    def write(self, piece: Piece) -> None:
        schema = self._writer.schema
        for columns in _rows(self._sweep, piece):
            arrays = [self._pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
            self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=schema))

    def finish(self) -> None:
        self._writer.close()

    def close(self) -> None:
        self._writer.close()
