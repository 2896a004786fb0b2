"""The results of ``grad --each`` and ``grad --points`` for scripts: CSV, JSON lines, and a streamed document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from gdcli.contract.fields import Nested
from gdcli.contract.grad import Point, PointLine, PointsResult
from gdcli.render.documents import csv_rows, json_bytes, json_line, json_lines
from gdcli.render.numbers import elements


class Writer(Protocol):
    """A format in which results are written as they are computed."""

    def write(self, points: Sequence[Point]) -> bytes:
        """The text of the next results."""

    def end(self, record: PointsResult) -> bytes:
        """The end of the output; ``record`` has the outcome, without points."""


class JsonLines:
    """One line per point."""

    def write(self, points: Sequence[Point]) -> bytes:
        """One line per point."""
        lines = [PointLine(values=p.values, value=p.value, grads=p.grads, line=p.line, error=p.error) for p in points]
        return json_lines(lines)

    def end(self, record: PointsResult) -> bytes:  # noqa: ARG002
        """Nothing."""
        return b""


class Document:
    """One JSON document, the record of the run, without keeping all points in memory."""

    def __init__(self, record: PointsResult) -> None:
        """``record`` is the record of the run before any points: only settings and values are known."""
        self._next = _halves(record)[0]

    def write(self, points: Sequence[Point]) -> bytes:
        """The next items of its list of points."""
        if not points:
            return b""
        before, self._next = self._next, b","
        return before + json_bytes(points)[1:-1]

    def end(self, record: PointsResult) -> bytes:
        """The end of the list, and the outcome."""
        before = b"" if self._next == b"," else self._next
        return before + _halves(record)[1]


def _halves(record: PointsResult) -> tuple[bytes, bytes]:
    """The document of a record without points, cut within the brackets of its empty list of points."""
    mark = b'"points":['  # in a string, the quotes would be escaped; in the settings, a string follows the colon
    before, _, after = json_line(record).partition(mark)
    return before + mark, after


class Csv:
    """One row per point: its values, the value, and the gradients with respect to ``wrt``; empty without a result."""

    def __init__(self, names: Sequence[str], fixed: Mapping[str, Nested], wrt: Sequence[str]) -> None:
        """``names`` are the variables that differ from point to point, ``fixed`` the values of the others."""
        self._names = names
        self._fixed = fixed
        self._wrt = wrt
        self._header: list[str] = []
        self._without: dict[str, list[None]] = {}  # the cells of a gradient that is None
        self._empty = 0  # points before the first result, which determines the columns

    def write(self, points: Sequence[Point]) -> bytes:
        """One row per point, once the columns are known."""
        rows: list[list[Any]] = []
        if not self._header:
            values = next((point.values for point in points if isinstance(point.grads, dict)), None)
            if not isinstance(values, dict):
                self._empty += len(points)
                return b""
            rows = self._first_rows(values)
        rows += map(self._cells, points)
        return csv_rows(rows)

    def end(self, record: PointsResult) -> bytes:  # noqa: ARG002
        """The header, if no point had a result."""
        return b"" if self._header else csv_rows(self._first_rows(dict.fromkeys(self._names, 0)))

    def _first_rows(self, values: Mapping[str, Nested]) -> list[list[Any]]:
        """The header, and the empty rows that were waiting for it."""
        tensors = {**self._fixed, **values}
        labels = {name: [label for label, _ in elements(name, value)] for name, value in tensors.items()}
        self._header = [
            *(label for name in values for label in labels[name]),
            "value",
            *(f"grad.{label}" for name in self._wrt for label in labels[name]),
        ]
        self._without = {name: [None] * len(labels[name]) for name in self._wrt}
        return [self._header, *([[None] * len(self._header)] * self._empty)]

    def _cells(self, point: Point) -> list[Any]:
        if not (isinstance(point.grads, dict) and isinstance(point.values, dict)):
            return [None] * len(self._header)
        cells = [*point.values.values(), point.value]
        for name in self._wrt:
            gradient = point.grads[name]
            cells.append(self._without[name] if gradient is None else gradient)
        return list(_flat(cells)) if any(isinstance(cell, list) for cell in cells) else cells


def _flat(tensors: Sequence[Any]) -> Iterator[Any]:
    """The numbers of tensors, one after the other."""
    for tensor in tensors:
        if isinstance(tensor, list):
            yield from _flat(tensor)
        else:
            yield tensor


def points_csv(record: PointsResult) -> bytes:
    """A record as CSV."""
    names = [] if isinstance(record.points[0].values, msgspec.UnsetType) else list(record.points[0].values)
    writer = Csv(names, record.values, record.settings.wrt)
    return writer.write(record.points) + writer.end(record)


def points_lines(record: PointsResult) -> bytes:
    """A record as JSON lines."""
    return JsonLines().write(record.points)
