"""A notebook (.ipynb) as code: its code cells in order, without what only IPython understands."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from msgspec import Struct

from gdcli.errors import GdcliError

_FOR_IPYTHON = re.compile(r"\s*([%!?]|.*[^\s#]\?{1,2}\s*$)")
_TIMED = re.compile(r"(\s*)%(?:time|prun)\s+(?=[^\s-])")
_RUN = re.compile(r"\s*%%(?:time|capture|prun)\b")  # magics of a cell whose code runs once, as it is
_ASSIGNED = re.compile(r"\s*[\w, ]+=\s*[%!]\s*\w")


class Cell(Struct, frozen=True):
    """A code cell: its number among the code cells, from 1, and its source, each left-out line a comment."""

    number: int
    source: str


def read_notebook(name: str, text: str, last: int | None = None) -> tuple[list[Cell], list[str]]:
    """The code cells of a notebook, up to the one numbered ``last``, and the lines that are left out.

    Raises:
        GdcliError: when it is not a notebook, or has no such cell.
    """
    try:
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        sources = [_source(cell) for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"{name} is not a notebook of Jupyter (nbformat 4)"
        raise GdcliError("notebook", message, "a script ends in .py") from None
    if last is not None and last > len(sources):
        message = f"{name} has {len(sources)} code cell{'s' * (len(sources) != 1)}, so there is no cell {last}"
        raise GdcliError("notebook", message, "cells are counted from 1, without those of text")
    found, skipped = [], list[str]()
    for number, source in enumerate(sources[:last], start=1):
        plain, left_out = _for_python(source)
        found.append(Cell(number, plain))
        skipped += [f"cell {number}: {line}" for line in left_out]
    return found, skipped


def _source(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _for_python(source: str) -> tuple[str, list[str]]:
    """A cell as Python, and the lines for IPython and a shell that it has.

    All of a cell that begins with ``%%`` is left out, unless the magic runs the cell as it is, as ``%%time`` does.
    """
    lines = source.split("\n")
    place, first = next(((i, line) for i, line in enumerate(lines) if line.strip()), (0, ""))
    if _RUN.match(first):
        lines[place] = f"# {first.strip()}"
        plain, left_out = _for_python("\n".join(lines))
        return plain, [first.strip(), *left_out]
    if first.lstrip().startswith("%%"):
        below = len([line for line in lines[place + 1 :] if line.strip()])
        return "\n".join("#" + line for line in lines), [f"{first.strip()}, with {below} line{'s' * (below != 1)}"]
    if _parses(source):  # a line that begins with % may be inside of a string or a sum
        return source, []
    left_out = []
    for i, line in enumerate(lines):
        if timed := _TIMED.match(line):
            lines[i] = timed[1] + line[timed.end() :]
            left_out.append(line[: timed.end()].strip())
        elif not line.lstrip().startswith("#") and (_FOR_IPYTHON.match(line) or _ASSIGNED.match(line)):
            left_out.append(line.strip())
            indent = line[: len(line) - len(line.lstrip())]
            lines[i] = f"{indent}pass  # {line.strip()}"
    return "\n".join(lines), left_out


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True
