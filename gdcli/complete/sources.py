"""The values that stand in files, read and checked."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import replace

from gdcli.cells import BadLineError, flat
from gdcli.contract.nested import size
from gdcli.contract.sources import GIVEN, Source
from gdcli.data.reference import is_reference, lacks_sign, read_reference
from gdcli.errors import GdcliError
from gdcli.lang.arrays import Array
from gdcli.lang.scan import MAX_CHARACTERS

S = TypeVar("S", bound=Struct)

_MOST_IN_TEXT = 1_000  # numbers of a list that is read as text
_SHOWN = 12  # digits of a SHA-256 in a sentence


def with_sources(settings: S) -> S:
    """With the source of each value that stands in a file; what has been read is not read again.

    Raises:
        OutsideError: for a file that cannot be read.
        GdcliError: for contents that are not numbers, and a file that is not the one of the given source.
    """
    values: Mapping[str, Any] = settings.values  # type: ignore[attr-defined]
    known: Mapping[str, Source] = settings.sources or {}  # type: ignore[attr-defined]
    for name, value in values.items():
        if lacks_sign(value):
            message = f"the value of {name} is the name of a file, '{value}', which '@' would read"
            raise GdcliError("values", message, f"write --{name} {shlex.quote(f'@{value}')}")
    texts = {name: value for name, value in values.items() if is_reference(value)}
    if not texts and settings.sources is UNSET:  # type: ignore[attr-defined]
        return settings
    read = _Reader()
    found = {name: read.source(name, text, known.get(name)) for name, text in texts.items()}
    return replace(settings, sources=found or UNSET)


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


def stays(value: Any) -> bool:
    """Whether a value is data: it comes from a file, so it stays as it is unless ``--wrt`` names its variable."""
    return isinstance(value, Array) and value.origin is not None


class _Reader:
    """Reads each file once, although several values may be in it."""

    def __init__(self) -> None:
        self._files: dict[str, Any] = {}

    def source(self, name: str, text: str, known: Source | None) -> Source:
        """The source of the value of a variable."""
        if known is not None and known.array_of(text) is not None:
            return known
        if text.strip() == GIVEN and known is not None:
            raise _not_here(name, known)
        try:
            found = self._read(text)
        except GdcliError as error:
            raise type(error)(error.code, f"in the value of {name}: {error.message}", error.hint) from error
        if known is not None and known.sha256 != found.sha256:
            raise _changed(name, text, known, found)
        return found

    def _read(self, text: str) -> Source:
        from gdcli.data.file import read_file
        from gdcli.data.values import array_in

        path, selector = read_reference(text)
        if path not in self._files:
            self._files[path] = read_file(path)
        file = self._files[path]
        return Source.of(text, array_in(file, selector), file.sha256)


def _not_here(name: str, source: Source) -> GdcliError:
    """The error for numbers that were given in Python, and are too many to stand in the settings."""
    shape = tuple(source.shape)
    message = f"the value of {name}, of shape {shape}, was given in Python and does not stand in the settings"
    return GdcliError("values", message, f"give it again: {name}=... in Python, or --{name} @FILE")


def _changed(name: str, text: str, old: Source, new: Source) -> GdcliError:
    """The error for a file that is not the one that a run has read."""
    file = read_reference(text).name
    message = (
        f"in the value of {name}: {file} has changed: its SHA-256 begins with {new.sha256[:_SHOWN]}, "
        f"and that of the run with {old.sha256[:_SHOWN]}"
    )
    return GdcliError(
        "values", message, f"to run with the file as it is now, give it again: --{name} {shlex.quote(text)}"
    )
