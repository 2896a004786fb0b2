"""A command in lines that a shell reads as one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def shell_lines(parts: Sequence[str], width: int) -> list[str]:
    """The parts of a command, quoted where they need it, in lines of at most ``width`` characters; no part is cut."""
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) + 3 > width:  # a space, and the space and backslash at the end
            lines[-1] += " \\"
            lines.append(f"  {part}")
        else:
            lines[-1] += f" {part}" if lines[-1] else part
    return lines


def parts_of(command: str) -> list[str]:
    """The parts of a command: its words, an option together with its value."""
    parts: list[str] = []
    for word in map(shlex.quote, shlex.split(command)):
        if parts and parts[-1].startswith("--") and " " not in parts[-1] and not word.startswith("--"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts
