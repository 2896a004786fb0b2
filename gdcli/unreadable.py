"""The error for a file that cannot be read, with the file that was probably meant. No torch here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

from gdcli.errors import OutsideError
from gdcli.lang.suggest import closest

_FEW = 3  # names in a hint


def unreadable(code: str, noun: str, path: str, error: OSError, endings: Collection[str]) -> OutsideError:
    """The error; ``noun`` is how the sentence calls the file, and ``endings`` are those that such files may have."""
    hint = ""
    with contextlib.suppress(OSError, ValueError):  # a name that is too long, or has a null
        hint = _hint(Path(path), endings)
    return OutsideError(code, f"cannot read {noun}: {error.strerror}", hint)


def _hint(path: Path, endings: Collection[str]) -> str:
    """The file that was meant, as far as that is known."""
    if path.is_dir():
        files = [name for name in _files(path) if Path(name).suffix.lower() in endings]
        shown = ", ".join(str(path / name) for name in files[:_FEW])
        more = f" and {len(files) - _FEW} more" if len(files) > _FEW else ""
        return f"it is a folder, which has {shown}{more}" if shown else "it is a folder; name a file"
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}" if not folder.exists() else f"{folder} is not a folder"
    if path.exists():
        return ""
    files = _files(folder)
    same = next((name for name in files if Path(name).stem == path.stem and Path(name).suffix.lower() in endings), "")
    near = same or closest(path.name, [name for name in files if Path(name).suffix.lower() in endings])
    near = near or closest(path.name, files)
    if near:
        return f"did you mean {folder / near}?"
    return f"there is no such file in {'this folder' if str(folder) == '.' else folder}"


def _files(folder: Path) -> list[str]:
    """The names of the files in a folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_file())
    except OSError:
        return []
