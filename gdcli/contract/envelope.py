"""The fields that every record has, and the record of a command that fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Literal, TypeVar

from msgspec import Struct

from gdcli.errors import GdcliError
from gdcli.version import __version__

SCHEMA = 1
"""It increases only when a field is removed or changes its meaning; adding a field does not change it."""


class Notice(Struct, frozen=True):
    """A note or warning about a run: ``code`` for scripts, ``message`` for people."""

    code: str
    message: str


def listed(names: Iterable[object]) -> str:
    """Names in a sentence: ``x``, ``x and y``, ``x, y and z``."""
    *others, last = map(str, names)
    return f"{', '.join(others)} and {last}" if others else last


class ErrorDetail(Struct, frozen=True):
    """The error in one expression; ``span`` counts characters."""

    code: str
    message: str
    hint: str
    span: tuple[int, int] | None


def detail_of(error: GdcliError) -> ErrorDetail:
    """An error as part of a record."""
    return ErrorDetail(error.code, error.message, error.hint, getattr(error, "span", None))


class Record(Struct, frozen=True, kw_only=True):
    """The first fields of every document: the version of gdcli, the version of the schema, and the command."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: str


class ErrorResult(Record, frozen=True, kw_only=True):
    """The output of a command that fails, with ``--json``; ``span`` counts characters of ``source``."""

    status: Literal["error"] = "error"
    code: str
    message: str
    hint: str
    source: str | None = None
    span: tuple[int, int] | None = None


SettingsT = TypeVar("SettingsT", bound=Struct)


class SettingsLine(Record, Generic[SettingsT], frozen=True, kw_only=True, tag_field="record", tag="settings"):
    """The first line of ``--jsonl``."""

    settings: SettingsT
