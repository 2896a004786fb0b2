"""The help of a command with colour and bold, for a terminal."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

_BOLD, _CYAN, _RESET = "\x1b[1m", "\x1b[36m", "\x1b[0m"
_HEADING = re.compile(r"Usage:|\S.*:$")
_NAME = re.compile(r"  (-\S.*?|\[\S.*?|[a-z][\w-]*)(?=  |$)")  # an option, an argument, a command or a topic
_EXAMPLE = re.compile(r"  (gdcli .*)$")


def is_styled() -> bool:
    """Whether standard output is a terminal that shows colours, or is to be treated as one (FORCE_COLOR)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def styled(text: str, ctx: Any) -> str:
    """A help text with styles, where they are shown; apart from them it is the same."""
    if not is_styled():
        return text
    ctx.color = True  # or Typer would take them away
    heading, lines = "Usage:", []
    for line in text.split("\n"):
        if found := _HEADING.match(line):
            heading = found[0]
            lines.append(f"{_BOLD}{heading}{_RESET}{line.removeprefix(heading)}")
        elif heading != "Usage:" and (found := (_EXAMPLE if heading == "Examples:" else _NAME).match(line)):
            lines.append(f"  {_CYAN}{found[1]}{_RESET}{line[found.end() :]}")
        else:
            lines.append(line)
    return "\n".join(lines)
