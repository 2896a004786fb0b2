"""What a process says that a signal ends at once, whatever it is doing."""

from __future__ import annotations

import contextlib
import json
import os
import sys

from gdcli.cli.interrupt import end_at_signals
from gdcli.errors import UserInterruptError
from gdcli.version import __version__


def take_signals() -> None:
    """From now on, a signal outside a run ends the process at once, with an error and its document."""
    end_at_signals(_report)


def _report(error: UserInterruptError) -> None:
    """The signal may have come while a stream was being written, so these lines go past the streams of Python."""
    start = b""
    try:
        sys.stdout.flush()
    except RuntimeError:  # it is being written: what is there ends in the middle of a line
        start = b"\n"
    except (OSError, ValueError):
        pass
    words = sys.argv[1:]
    _write(2, f"error: {error.message}\n".encode())
    if "--json" in words or "--jsonl" in words:
        command = words[0].encode(errors="replace").decode() if not words[0].startswith("-") else ""
        _write(1, start + _document(error, command))


def _document(error: UserInterruptError, command: str) -> bytes:
    """``contract.envelope.ErrorResult`` as JSON; its module may be one that is just being imported."""
    what = {"status": "error", "code": error.code, "message": error.message, "hint": "", "source": None, "span": None}
    record = {"gdcli": __version__, "schema": 1, "command": command, **what}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _write(number: int, line: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(number, line)
