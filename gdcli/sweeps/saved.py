"""All cells of a sweep as a file: NPZ, Parquet, or CSV."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

import torch

from gdcli.sweeps.ends import NAMES
from gdcli.sweeps.npz import write_npz
from gdcli.tensors import labels_of, rows_of

if TYPE_CHECKING:
    from gdcli.sweeps.sweep import Sweep

_ROWS = 65_536  # at a time


def save(sweep: Sweep, ending: str, file: IO[bytes]) -> None:
    """Write all cells.

    NPZ: ``status`` (a code, by its place in ``status_names``), ``steps``, ``loss``, ``minimum``, ``axis.NAME``, and the
    end points as ``end.NAME``; with two axes, a cell is at [place on the second, place on the first]. CSV and Parquet:
    a row for each cell, the first axis fastest.
    """
    {".npz": _npz, ".csv": _csv, ".parquet": _parquet}[ending](sweep, file)


def _npz(sweep: Sweep, file: IO[bytes]) -> None:
    cells = sweep.cells
    shape = [len(axis) for axis in sweep.axes[::-1]]
    arrays = {f"axis.{axis.name}": sweep.grid.numbers[k] for k, axis in enumerate(sweep.axes)}
    arrays |= {
        "status": cells.status.reshape(shape),
        "steps": cells.steps.reshape(shape),
        "loss": cells.loss.reshape(shape),
        "minimum": sweep.minima.of_cell.reshape(shape),
    }
    leaves = sweep.problem.leaves
    for name, rows in rows_of(leaves).items():
        arrays[f"end.{name}"] = cells.x[rows].T.reshape(*shape, *leaves[name].shape)
    names = ["not_run", *(NAMES.get(code, "") for code in range(1, max(NAMES) + 1))]
    write_npz(file, arrays, {"status_names": names})


def _columns(sweep: Sweep, cells: torch.Tensor) -> dict[str, list[object]]:
    """The columns of some cells."""
    all_ = sweep.cells
    names = {0: "not_run", **NAMES}
    found: dict[str, list[object]] = {}
    for k, axis in enumerate(sweep.axes):
        found[axis.name] = sweep.grid.at(cells, k).tolist()
    found["status"] = [names[code] for code in all_.status[cells].tolist()]
    found["steps"] = all_.steps[cells].tolist()
    found["loss"] = all_.loss[cells].tolist()
    found["minimum"] = [number if number >= 0 else None for number in sweep.minima.of_cell[cells].tolist()]
    for label, row in zip(labels_of(sweep.problem.leaves), all_.x, strict=True):
        found[f"end.{label}"] = row[cells].tolist()
    return found


def _batches(sweep: Sweep) -> Iterator[torch.Tensor]:
    for start in range(0, sweep.grid.size, _ROWS):
        yield torch.arange(start, min(start + _ROWS, sweep.grid.size))


def _csv(sweep: Sweep, file: IO[bytes]) -> None:
    import csv

    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    for i, cells in enumerate(_batches(sweep)):
        columns = _columns(sweep, cells)
        if i == 0:
            writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    text.flush()
    text.detach()


def _parquet(sweep: Sweep, file: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"status": pa.dictionary(pa.int8(), pa.string()), "steps": pa.int32(), "minimum": pa.int16()}
    exact = pa.float64() if sweep.cells.loss.dtype == torch.float64 else pa.float32()
    first = _columns(sweep, torch.arange(0))
    axes = [axis.name for axis in sweep.axes]
    fields = [(name, pa.float64() if i < len(axes) else kinds.get(name, exact)) for i, name in enumerate(first)]
    with pq.ParquetWriter(file, pa.schema(fields)) as writer:
        for cells in _batches(sweep):
            columns = list(_columns(sweep, cells).values())
            arrays = [pa.array(column, type=kind) for column, (_, kind) in zip(columns, fields, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=writer.schema))
