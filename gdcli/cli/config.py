"""Reading ``--config FILE``: TOML or JSON, with the keys of ``settings``."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path
from typing import Any

import msgspec

from gdcli.errors import GdcliError, OutsideError


def read_config(path: str) -> dict[str, Any]:
    """The settings in a file. A whole record of a run counts as its ``settings``; ``-`` is standard input.

    Raises:
        OutsideError: when the file cannot be read.
        GdcliError: when it is not TOML or JSON, or contains no table.
    """
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise OutsideError("config", f"cannot read the config {path}: {error.strerror}") from error
    content = content.removeprefix(codecs.BOM_UTF8)  # Windows writes one
    try:
        config = _toml(content.decode()) if path.lower().endswith(".toml") else msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        toml = path.lower().endswith(".toml")
        hint = "a file that ends in .toml is read as TOML" if toml else "the name of a TOML file must end in .toml"
        message = f"the config {path} is not {'TOML' if toml else 'JSON'}: {_reason(error)}"
        raise GdcliError("config", message, hint) from error
    if isinstance(config, dict) and "gdcli" in config and isinstance(config.get("settings"), dict):
        config = config["settings"]
    if not isinstance(config, dict):
        raise GdcliError("config", f"the config {path} contains no table of settings", 'for example: {"lr": 0.1}')
    return config


def _toml(text: str) -> dict[str, Any]:
    import tomllib  # costs as much to import as all of gdcli's command line

    return tomllib.loads(text)


def _reason(error: ValueError | RecursionError) -> str:
    """The reason; for two errors of tomllib and msgspec, Python's own message does not mention the file."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "a number in it is too long" if type(error) is ValueError else str(error)
