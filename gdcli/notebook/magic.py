"""``%load_ext gdcli``: the commands of gdcli as magics of IPython, whose results are records."""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from gdcli.contract.reading import read
from gdcli.contract.shown import Shown
from gdcli.errors import ExitCode, GdcliError

_PROGRAMS = ("grad", "minimize", "compare", "sweep", "plot", "ops")


class MagicError(GdcliError):
    """An error of a command, which IPython shows as its message alone."""

    def _render_traceback_(self) -> list[str]:
        return self.message.splitlines()


class Notebook:
    """Who takes the record of a command, and knows what the names of a notebook stand for."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self.record: Shown | None = None

    def take(self, record: Shown) -> None:
        """Take the record that the command would have printed."""
        self.record = record

    def with_value(self, settings: Any, name: str) -> Any:
        """The settings with the value that a variable has in the notebook; None where it is no number or tensor."""
        if name not in self.names or not _is_value(name, self.names[name]):
            return None
        from gdcli.api import _values

        values = _values({}, None, {name: self.names[name]}, moving=getattr(settings, "wrt", None) or None)
        more = read(type(settings), values)
        changes = {"values": {**settings.values, **more.values}}
        if more.sources:
            changes["sources"] = {**(settings.sources or {}), **more.sources}
        return replace(settings, **changes)


def _is_value(name: str, value: Any) -> bool:
    from gdcli.data.given import array_given

    if isinstance(value, int | float):
        return True
    if isinstance(value, list | tuple):
        return all(_is_value(name, each) for each in value)
    try:
        return array_given(name, value) is not None
    except GdcliError:
        return False


def load_ipython_extension(shell: Any) -> None:
    """Add ``%gdcli`` and ``%%gdcli`` to a shell of IPython."""

    def gdcli(line: str, cell: str | None = None) -> Any:
        """Run a command of gdcli; the cell is a program, in place of the expression.

        Variables that no option gives a value have the value that they have in the notebook.
        """
        return _run(shell, line, cell)

    shell.register_magic_function(gdcli, magic_kind="line_cell", magic_name="gdcli")


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away again."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("gdcli", None)


def _run(shell: Any, line: str, cell: str | None) -> Any:
    try:
        words = shlex.split(line)
    except ValueError as error:  # No closing quotation
        raise MagicError("usage", f"error: {str(error)[0].lower()}{str(error)[1:]}") from None
    if cell is not None:
        if words == ["watch"]:
            return _watched(shell, cell)
        if not words or words[0] not in _PROGRAMS:
            known = ", ".join(_PROGRAMS)
            message = f"error: the cell is a program for {known}; or code to watch\nhint: %%gdcli minimize --lr 0.1"
            raise MagicError("usage", message)
        words += ["--", cell.strip("\n")]
    return _record_of(words, shell.user_ns)


def _record_of(words: list[str], names: Mapping[str, Any]) -> Shown | None:
    """Run a command line; what it prints goes to the notebook, and its record is returned if it has one."""
    from gdcli.cli.main import run

    notebook = Notebook(names)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        code = run(words, notebook)
    printed, said = (_text(stream) for stream in (out, err))
    if notebook.record is None and code not in (ExitCode.OK, ExitCode.CHECK_FAILED):
        raise MagicError("command", said.rstrip("\n"))
    sys.stdout.write(printed)
    sys.stderr.write(said)
    return notebook.record


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    found: bytes = stream.buffer.getvalue()  # type: ignore[attr-defined]
    return found.decode()


def _watched(shell: Any, cell: str) -> Shown:
    """Run a cell and watch its loops."""
    from gdcli.api import watch

    source = shell.transform_cell(cell)
    code = compile(source, shell.compile.cache(source), "exec")  # errors and findings show its lines
    with watch() as seen:
        exec(code, shell.user_ns)  # noqa: S102 -- it is the cell that was run
    return seen.record
