"""What is wrong with ``--live`` before anything runs. No torch and no Rich here."""

from __future__ import annotations

import importlib.util
import os
import sys

from gdcli.cli.output import Output
from gdcli.errors import GdcliError


def check_live(output: Output) -> None:
    """Find what does not go with ``--live``, and what does not go without.

    Raises:
        GdcliError: for options, a terminal or a system that do not fit.
    """
    if not output.live:
        for option in ("delay", "screen"):
            if getattr(output, option):
                raise GdcliError("usage", f"--{option} is about --live", f"add --live, or leave out --{option}")
        return
    if output.format in ("jsonl", "csv", "code"):
        message = f"--live and --{output.format} do not go together"
        if output.format == "code":
            raise GdcliError("usage", f"{message}: a script is printed, and nothing runs", "keep one of them")
        hint = "--live --json --output FILE keeps every step of it"
        raise GdcliError("usage", f"{message}: lines that are printed cannot follow a change of the rate", hint)
    if importlib.util.find_spec("termios") is None:
        message = "--live needs a terminal as POSIX knows it, and this system has none"
        raise GdcliError("live", message, "leave out --live")
    if not sys.stdout.isatty():
        message = "--live draws on a terminal, and standard output is none: it goes to a pipe or a file"
        raise GdcliError("live", message, "--json --output FILE keeps the record, with --live and without")
    if os.environ.get("TERM", "") in ("", "dumb"):
        message = "--live moves the cursor, and this terminal cannot (TERM is 'dumb' or not set)"
        raise GdcliError("live", message, "leave out --live, or set TERM to what the terminal is")
