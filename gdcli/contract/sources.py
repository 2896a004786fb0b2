"""Where a value comes from that does not stand in the settings: a file, or numbers that were given in Python."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Struct, UnsetType

from gdcli.cells import BadLineError, flat
from gdcli.contract.fields import PROBLEM, meta
from gdcli.contract.nested import size
from gdcli.data.reference import GIVEN
from gdcli.lang.arrays import Array
from gdcli.lang.scan import MAX_CHARACTERS

_MOST_IN_TEXT = 1_000  # numbers of a list that is read as text


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


def given(settings: Any) -> dict[str, Any]:
    """The value of each variable of the settings: an array for one from a file, and for lists that are long.

    The files must have been read.
    """
    sources: Mapping[str, Source] = settings.sources or {}
    values: dict[str, Any] = dict(settings.values)
    for name, value in values.items():
        if name in sources and isinstance(value, str):
            values[name] = sources[name].array_of(value) or value
        elif isinstance(value, list) and (size(value) > _MOST_IN_TEXT or len(str(value)) > MAX_CHARACTERS):
            with contextlib.suppress(BadLineError):  # what is wrong with them is told when they are read as text
                values[name] = Array.of_floats(*flat(name, value))
    return values


def described(settings: Any, name: str) -> str:
    """A variable, with its shape and its file if it has one: ``x (97) from ex1.csv:population``."""
    sources: Mapping[str, Source] = settings.sources or {}
    source = sources.get(name)
    if source is None:
        return name
    shape = "x".join(map(str, source.shape)) or "1"
    text = settings.values[name]
    where = "" if text == GIVEN else f" from {'standard input' if text[1:2] == '-' else text[1:]}"
    return f"{name} ({shape}){where}"
