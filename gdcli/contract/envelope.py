"""What every record has, and what takes its place when a command fails."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from msgspec import Struct

from gdcli.errors import GdcliError
from gdcli.version import __version__

SCHEMA = 1
"""It grows only when a field changes its meaning or goes; fields are added without that."""


class Notice(Struct, frozen=True):
    """Something that a reader should know about a run: ``code`` for scripts, ``message`` for people."""

    code: str
    message: str


class ErrorDetail(Struct, frozen=True):
    """What is wrong with one expression; ``span`` counts characters."""

    code: str
    message: str
    hint: str
    span: tuple[int, int] | None


def detail_of(error: GdcliError) -> ErrorDetail:
    """An error as a part of a record."""
    return ErrorDetail(error.code, error.message, error.hint, getattr(error, "span", None))


class Record(Struct, frozen=True, kw_only=True):
    """What every document begins with: the version, that of the contract, and the command."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: str


class ErrorResult(Record, frozen=True, kw_only=True):
    """What any command prints with ``--json`` when it fails; ``span`` counts characters of ``source``."""

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
