"""Where a value comes from that does not stand in the settings: a file, or numbers that were given in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Struct, UnsetType

from gdcli.contract.fields import PROBLEM, meta

if TYPE_CHECKING:
    from gdcli.lang.arrays import Array

GIVEN = "@"
"""In the place of numbers that were given in Python, and are too many to stand in the settings."""


class Source(Struct, frozen=True, kw_only=True, dict=True):
    """The shape of a value, and the SHA-256 of its file, or of its numbers if they were given in Python.

    The array itself is kept beside the fields, with the text of the value that it belongs to; a record has neither.
    """

    shape: list[int]
    sha256: str

    @classmethod
    def of(cls, text: str, array: Array, sha256: str) -> Source:
        """The source of an array that has been read, or was given."""
        found = cls(shape=list(array.shape), sha256=sha256)
        found.__dict__.update(text=text, array=array)
        return found

    def array_of(self, text: str) -> Array | None:
        """The array, if this is the source of a value with that text and has been read."""
        return self.__dict__["array"] if self.__dict__.get("text") == text else None


Sources = Annotated[
    dict[str, Source] | UnsetType,
    meta(
        "of each value that stands in a file: its shape, and the SHA-256 of the file",
        PROBLEM,
        words="for each value from a file, its shape and the SHA-256 of the file",
    ),
]


def described(settings: Any, name: str) -> str:
    """A variable, with its shape and its file if it has one: ``x (97) from ex1.csv:population``."""
    sources: Mapping[str, Source] = settings.sources or {}
    source = sources.get(name)
    if source is None:
        return name
    shape = "x".join(map(str, source.shape)) or "1"
    text = settings.values[name].strip()
    where = "" if text == GIVEN else f" from {'standard input' if text[1:2] == '-' else text[1:]}"
    return f"{name} ({shape}){where}"
