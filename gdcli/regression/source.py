"""What a design needs of the data: the names of the columns, and the rows in batches, as often as wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gdcli.data.rows.batch import Batch


class Source(Protocol):
    """A table: :class:`gdcli.data.rows.Rows` reads one from files."""

    @property
    def name(self) -> str:
        """What a sentence calls the data."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""

    def batches(
        self, numbers: Sequence[str], texts: Sequence[str] = (), *, size: int = 65_536, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """The rows of a share (rank, of), at most ``size`` at a time."""
