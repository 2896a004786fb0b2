"""An expression without quotation marks, which the shell has split at its spaces: ``minimize x**2 + y**2``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from gdcli.cli.arguments import Words
from gdcli.cli.quotes import expressions_among, variables_of, whole_command
from gdcli.errors import GdcliError
from gdcli.lang.suggest import QUOTES

_OPERATORS = frozenset(["+", "-", "*", "/", "//", "%", "**", "@", "<", ">", "==", "^"])
_FLAG = re.compile("-[A-Za-z]")  # where the expression before it has spaces, so that it stood in quotation marks
_FEW = 2  # file names in a message


def check_unquoted(command: str, words: Sequence[str], options: Mapping[str, str], found: Words, *, takes: int) -> None:
    """Check that the expressions of a command are not the words of one; ``takes`` is 0 for any number of them.

    ``words`` are the arguments, ``options`` maps each option to the name of its value, and ``found`` are the arguments
    sorted.

    Raises:
        GdcliError: for such arguments; the hint is the whole command with the expression in quotation marks.
    """
    texts = found.positional
    typographic = any(letter in text for text in texts for letter in QUOTES)  # the error for these says more
    if typographic or "--var" not in options or len(texts) < 2 or (takes and len(texts) <= takes):
        return
    if takes and " " in texts[0].strip() and (flag := next((text for text in texts[1:] if _FLAG.fullmatch(text)), "")):
        alike = [option for option in options if option.startswith(f"-{flag}")]
        hint = f"did you mean '{alike[0]}'?" if alike else "--help lists the options"
        raise GdcliError("usage", f"unknown option '{flag}'", hint)
    files = _files()
    joined, replaced = _with_stars(texts, files)
    has_operator = not _OPERATORS.isdisjoint(texts)
    if variables_of(joined) is None if replaced or not has_operator else False:
        return
    first, *others = expressions_among(words, options)
    better = [word for i, word in enumerate(words) if i not in others]
    better[first] = joined
    if replaced:
        shown = ", ".join(files[:_FEW]) + (f" and {len(files) - _FEW} more" if len(files) > _FEW else "")
        message = f"the shell has put the names of the files here in the place of *: {shown}"
        power = joined.replace(" * ", " ** ")
        raise GdcliError("usage", message, f'put the expression in quotation marks: "{joined}", or "{power}"')
    message = f"the words {' '.join(texts)} stand without quotation marks, and {command} takes "
    message += "one expression" if takes else "each for an expression"
    raise GdcliError("usage", message, whole_command(command, better, options) or f'put "{joined}" in quotation marks')


def _files() -> list[str]:
    """The names that a shell puts in the place of a star."""
    try:
        return sorted(name for name in os.listdir() if not name.startswith("."))  # noqa: PTH208 -- names alone
    except OSError:
        return []


def _with_stars(texts: Sequence[str], files: Sequence[str]) -> tuple[str, bool]:
    """The texts joined, with a star where all files are named one after the other; and whether that was so."""
    joined: list[str] = []
    i, replaced = 0, False
    while i < len(texts):
        if files and sorted(texts[i : i + len(files)]) == files:
            joined.append("*")
            i, replaced = i + len(files), True
        else:
            joined.append(texts[i])
            i += 1
    return " ".join(joined), replaced
