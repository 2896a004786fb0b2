"""Where the output of a command goes: standard output, or a file that is written whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Literal

from msgspec import Meta, Struct

from gdcli.errors import GdcliError, OutsideError

Format = Literal["table", "json", "jsonl", "csv", "code"]


class Output(Struct, frozen=True, kw_only=True):
    """How and where to print. ``every`` and ``all`` are about long tables."""

    format: Format = "table"
    output: Annotated[str | None, Meta(description="write to a file, whole or not at all")] = None
    plot: Annotated[bool, Meta(description="draw it, in place of the table; with --all or --every, below it")] = False
    live: Annotated[bool, Meta(description="watch it while it runs; keys: space, arrows, + - and q")] = False
    delay: Annotated[
        float,
        Meta(description="seconds from one iteration to the next, with --live", ge=0, le=3600),
    ] = 0.0
    screen: Annotated[bool, Meta(description="watch it on the alternate screen, with --live")] = False
    save: list[str] = []  # files; save.py says what of
    surface: Annotated[bool, Meta(description="save a contour as a surface in space; a page has both")] = False
    fps: Annotated[
        Annotated[int, Meta(ge=1, le=60)] | None,
        Meta(
            description="frames a second of an animation  [default: 20]",
            extra={"words": "a whole number from 1 to 60"},
        ),
    ] = None
    seconds: Annotated[
        Annotated[float, Meta(gt=0, le=600)] | None,
        Meta(description="length of an animation  [default: 5]", extra={"words": "a number greater than 0, up to 600"}),
    ] = None
    digits: Annotated[int, Meta(description="significant digits in a table; 17 is exact", ge=1, le=17)] = 6
    every: Annotated[int, Meta(description="show every Nth iteration in a table", ge=1)] = 1
    all: Annotated[bool, Meta(description="show every row of a long table")] = False
    require_convergence: Annotated[bool, Meta(description="exit with 3 unless a tolerance was met")] = False
    quiet: Annotated[bool, Meta(description="leave out notes, warnings and progress")] = False
    words: list[str] = []  # of the command line

    def check(self) -> None:
        """Find what is wrong with the file before a long run.

        Raises:
            OutsideError: when the file cannot be written.
        """
        if self.output is not None and self.output != "-":
            check_file(self.output)

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The stream to print to. A file appears when all is written, and an old one stays until then.

        Raises:
            OutsideError: when the file cannot be written.
        """
        if self.output is None or self.output == "-":
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        with whole_file(self.output) as file:
            yield file

    @contextlib.contextmanager
    def open_text(self) -> Iterator[IO[str]]:
        """The stream for people; standard output itself when it goes there, so that a terminal is recognised."""
        if self.output is None or self.output == "-":
            yield sys.stdout
            sys.stdout.flush()
            return
        with self.open() as file:
            text = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
            yield text
            text.detach()


def check_file(path: str) -> None:
    """Find what is wrong with a file that is to be written.

    Raises:
        OutsideError: when it cannot be written.
    """
    try:
        _check(Path(path).resolve())
    except OSError as error:
        raise OutsideError("output", f"cannot write {path}: {error.strerror}") from error


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[IO[bytes]]:
    """A file that appears when all is written; an old one stays until then.

    Raises:
        OutsideError: when it cannot be written.
    """
    try:
        with _replacing(Path(path)) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutsideError("output", f"cannot write {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file beside ``path`` that takes its place at the end."""
    path = path.resolve()
    mode = _check(path)
    if mode is not None and not stat.S_ISREG(mode):  # a device or a pipe cannot be replaced
        with path.open("wb") as device:
            yield device
        return
    import tempfile  # a few milliseconds that only --output needs

    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(stat.S_IMODE(mode) if mode is not None else 0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _check(path: Path) -> int | None:
    """The mode of the file, None when there is none yet; raises OSError when it cannot be written."""
    if not path.exists():
        if not path.parent.is_dir():
            raise FileNotFoundError(0, f"there is no folder {path.parent}")
        return None
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(0, "it is a folder")
    if stat.S_ISREG(mode) and not mode & 0o222:
        raise PermissionError(0, "the file is read-only")
    return mode


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def chosen_format(*, json: bool, jsonl: bool, csv: bool, code: bool) -> Format:
    """The one format that was asked for.

    Raises:
        GdcliError: when there were several.
    """
    given = (("json", json), ("jsonl", jsonl), ("csv", csv), ("code", code))
    asked: list[Format] = [name for name, on in given if on]  # type: ignore[misc]
    if len(asked) > 1:
        names = " and ".join(f"--{name}" for name in asked)
        raise GdcliError("usage", f"{names} cannot both be printed", "keep one of them")
    return asked[0] if asked else "table"
