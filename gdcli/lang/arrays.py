"""The value of a variable as an array of numbers, which does not pass through text. No torch here."""

from __future__ import annotations

from array import array
from typing import Literal, TypeAlias

from msgspec import Struct

FileKind: TypeAlias = Literal["csv", "json", "jsonl", "npy", "npz", "parquet"]


class Origin(Struct, frozen=True):
    """The part of a file that an array was read from.

    ``path`` is "-" for standard input. ``places`` are the numbers of the columns of CSV, and ``names`` the columns of
    Parquet, the name in an NPZ file, or the keys that lead to a value of JSON, with ``each`` in every item of the list
    that it holds. ``header`` says that the first line of
    CSV has names, and ``delimiter`` is that of CSV, " " for any white space.
    """

    path: str
    kind: FileKind
    places: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    header: bool = False
    delimiter: str = ","
    each: bool = False


class Array(Struct, frozen=True, eq=False):
    """Numbers of one dtype: ``numbers`` is a writable buffer of them, the last index first.

    ``dtype`` is PyTorch's name of it. With ``columns_first`` the first index runs first, as in Fortran. An array that
    was read from a file has an ``origin``.
    """

    shape: tuple[int, ...]
    dtype: str
    numbers: bytearray | array[float]
    columns_first: bool = False
    origin: Origin | None = None

    @property
    def is_whole(self) -> bool:
        """Whether its dtype is one of whole numbers."""
        return "int" in self.dtype

    @classmethod
    def of_floats(
        cls, shape: tuple[int, ...], numbers: list[float] | array[float], origin: Origin | None = None
    ) -> Array:
        """Floating-point numbers, the last index first."""
        return cls(shape, "float64", numbers if isinstance(numbers, array) else array("d", numbers), origin=origin)
