"""A table whose columns are given in Python."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from gdcli.data.rows.batch import Batch, Part, batches_of
from gdcli.data.rows.cell import number_in
from gdcli.errors import GdcliError

Column: TypeAlias = "array[float] | list[str]"


class GivenRows:
    """Rows by columns: lists, tensors, arrays of NumPy, or the columns of a DataFrame."""

    name = "the data"
    paths = ("@",)

    def __init__(
        self, columns: Mapping[str, Any], text_hint: str = 'take it as categories: categorical=["{column}"]'
    ) -> None:
        """Take the columns; ``text_hint`` says what to do about a text among numbers.

        Raises:
            GdcliError: for no columns, columns of several lengths, and cells that are neither numbers nor texts.
        """
        if not columns:
            raise GdcliError("data", "the data have no columns", 'for example: data={"x": [1, 2], "y": [3, 5]}')
        self.columns = tuple(columns)
        self._text_hint = text_hint
        self._columns = {name: _column(name, given) for name, given in columns.items()}
        lengths = {name: len(column) for name, column in self._columns.items()}
        first = self.columns[0]
        for name, length in lengths.items():
            if length != lengths[first]:
                message = f"the column '{name}' has {length} cells, and '{first}' has {lengths[first]}"
                raise GdcliError("data", message, "all columns have a cell for each row")
        self._count = lengths[first]

    @property
    def sha256(self) -> str:
        """What identifies the content: the SHA-256 of the names and the cells, in hexadecimal digits."""
        found = hashlib.sha256()
        for name, column in self._columns.items():
            found.update(repr(name).encode())
            found.update(column.tobytes() if isinstance(column, array) else repr(column).encode())
        return found.hexdigest()

    def batches(
        self, numbers: Sequence[str], texts: Sequence[str] = (), *, size: int = 65_536, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """The rows of a share (rank, of) in their order, ``size`` at a time.

        Raises:
            GdcliError: for a text in a column of numbers.
        """
        rank, of = share
        start, stop = self._count * rank // of, self._count * (rank + 1) // of
        wanted = {name: self._numbers(name)[start:stop] for name in numbers}
        labels = {name: _texts(self._columns[name])[start:stop] for name in texts}
        return batches_of([Part(stop - start, wanted, labels, frozenset(numbers))], size)

    def _numbers(self, name: str) -> array[float]:
        column = self._columns[name]
        if isinstance(column, array):
            return column
        numbers = array("d")
        for row, cell in enumerate(column, start=1):
            try:
                numbers.append(number_in(cell))
            except ValueError:
                message = f"'{cell}' in row {row} of the column '{name}' is not a number"
                raise GdcliError("data", message, self._text_hint.format(column=name)) from None
        return numbers


def _texts(column: Column) -> list[str]:
    if isinstance(column, list):
        return column
    return ["" if x != x else str(int(x)) if x == int(x) else repr(x) for x in column]  # noqa: PLR0124 -- NaN


def _column(name: str, given: Any) -> Column:
    """The cells of a column: numbers, where all are; otherwise texts."""
    if hasattr(given, "tolist"):
        given = given.tolist()
    if isinstance(given, str) or not isinstance(given, Sequence):
        message = f"the column '{name}' is of type {type(given).__name__}, not a list of cells"
        raise GdcliError("argument", message, f'for example: data={{"{name}": [1, 2, 3]}}')
    if all(cell is None or isinstance(cell, (int, float)) for cell in given):
        numbers = array("d", (float("nan") if cell is None else float(cell) for cell in given))
        if any(abs(x) == float("inf") for x in numbers):
            raise GdcliError("data", f"a cell of the column '{name}' is infinite", "leave out its row")
        return numbers
    for cell in given:
        if cell is not None and not isinstance(cell, (str, int, float)):
            message = f"a cell of the column '{name}' is of type {type(cell).__name__}"
            raise GdcliError("argument", message, "cells are numbers or texts")
    return ["" if cell is None else str(cell) for cell in given]
