"""Checks of ``--live`` before anything runs. No torch and no Rich here."""

from __future__ import annotations

import importlib.util
import os
import sys

from gdcli.cli.output import Output
from gdcli.errors import GdcliError


def check_live(output: Output, *, streams: bool) -> None:
    """Check the options that cannot be combined with ``--live``, and those that need it.

    ``streams`` says that the command prints lines while it runs.

    Raises:
        GdcliError: for unsuitable options, or an unsuitable terminal or system.
    """
    if not output.live:
        for option in ("delay", "screen"):
            if getattr(output, option):
                raise GdcliError("usage", f"--{option} needs --live", f"add --live, or leave out --{option}")
        return
    if output.format in ("jsonl", "code") or (output.format == "csv" and streams):
        message = f"--live cannot be combined with --{output.format}"
        if output.format == "code":
            raise GdcliError("usage", f"{message}: it prints a script and runs nothing", "keep one of them")
        hint = "use --live --json --output FILE to save every step"
        raise GdcliError("usage", f"{message}: a change of the rate cannot change printed lines", hint)
    if importlib.util.find_spec("termios") is None:
        message = "--live needs a POSIX terminal, which this system does not have"
        raise GdcliError("live", message, "leave out --live")
    if not sys.stdout.isatty():
        message = "--live needs a terminal, but standard output is a pipe or a file"
        raise GdcliError("live", message, "leave out --live; --json --output FILE saves the record")
    if os.environ.get("TERM", "") in ("", "dumb"):
        message = "--live moves the cursor, which this terminal cannot do (TERM is 'dumb' or not set)"
        raise GdcliError("live", message, "leave out --live, or set TERM to the type of the terminal")
