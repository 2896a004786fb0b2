"""How a value names a file: ``@ex1.csv:population``, ``@data.npy``, ``@-`` for standard input."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gdcli.errors import GdcliError

if TYPE_CHECKING:
    from gdcli.lang.arrays import FileKind

KINDS: dict[str, FileKind] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".dat": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".npy": "npy",
    ".npz": "npz",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""The kinds of files, by the ends of their names."""


# The name of a file, perhaps with a selector; no value of another form ends like this.
_FILE = re.compile(rf"""[^()\[\],*+"']+({"|".join(map(re.escape, KINDS))})(:[^()\[\],*+"']*)?""", re.IGNORECASE)


class Reference(NamedTuple):
    """A file, and what of it is meant: a column, a key or a name; None for all of it."""

    path: str
    selector: str | None

    @property
    def name(self) -> str:
        """How a sentence calls the file."""
        return "standard input" if self.path == "-" else self.path


def is_reference(value: Any) -> bool:
    """Whether the value of a variable stands in a file; no expression begins with ``@``."""
    return isinstance(value, str) and value.lstrip().startswith("@")


def lacks_sign(value: Any) -> bool:
    """Whether the value of a variable is the name of a file without ``@``."""
    return isinstance(value, str) and not is_reference(value) and _FILE.fullmatch(value.strip()) is not None


def read_reference(text: str) -> Reference:
    """The file and the selector of ``@FILE:SELECTOR``; the name of a file may contain a colon itself.

    Raises:
        GdcliError: for a text that names no file, or nothing after the colon.
    """
    rest = text.strip()[1:].strip()
    ends = [i for i, letter in enumerate(rest) if letter == ":" and i > 0]
    place = next((i for i in [len(rest), *ends] if _is_file(rest[:i])), ends[-1] if ends else len(rest))
    path, selector = rest[:place], rest[place + 1 :].strip() if place < len(rest) else None
    if not path:
        raise GdcliError("values", f"'{text.strip()}' names no file", "for example: @data.csv:price")
    if selector == "":
        raise GdcliError("values", f"'{text.strip()}' selects nothing after ':'", f"for example: @{path}:price")
    return Reference(path, selector)


def relative_to(folder: str, text: str) -> str:
    """A reference that stands in a file of this folder, as it is meant from the present one."""
    rest = text.strip()[1:].strip()
    if not rest or rest.startswith("~") or rest.partition(":")[0] == "-" or Path(rest).is_absolute():
        return text
    return f"@{Path(folder, rest)}"


def in_home(path: str) -> str:
    """The path with a home directory in the place of ``~``, which a shell does not see after ``@``."""
    return os.path.expanduser(path) if path.startswith("~") else path  # noqa: PTH111 -- ~name stays where unknown


def _is_file(path: str) -> bool:
    with contextlib.suppress(OSError, ValueError):  # a name that is too long, or has a null
        found = Path(in_home(path))
        return path == "-" or (found.exists() and not found.is_dir())
    return False
