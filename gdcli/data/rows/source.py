"""What reads the rows of a file, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from gdcli.data.rows.batch import Part
from gdcli.data.rows.files import DataFile


class Wanted(NamedTuple):
    """The columns that are read: those that hold numbers, and those that are taken as texts."""

    numbers: tuple[str, ...]
    texts: tuple[str, ...]


class Source(Protocol):
    """The rows of a file. A share of them is told in units that the kind of the file counts in: bytes, or rows."""

    @property
    def file(self) -> DataFile:
        """The file."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""

    @property
    def extent(self) -> int:
        """The number of units, over which all rows are spread."""

    def parts(self, wanted: Wanted, start: int, stop: int) -> Iterator[Part]:
        """The rows that begin at a unit from ``start`` up to ``stop``.

        Raises:
            OutsideError: when the file cannot be read.
            GdcliError: for a row that is not as it should be.
        """
