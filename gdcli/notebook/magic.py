"""``%load_ext gdcli``: the commands of gdcli as magics of IPython, whose results are records."""

from __future__ import annotations

import contextlib
import io
import linecache
import re
import shlex
import sys
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from msgspec.structs import replace

from gdcli.contract.reading import read
from gdcli.contract.shown import Shown
from gdcli.errors import ExitCode, GdcliError
from gdcli.notebook.hints import hint_in_a_cell, is_value, save_the_record

_PROGRAMS = ("grad", "minimize", "compare", "sweep", "plot", "ops")
_GDCLI = Path(__file__).parent.parent


class MagicError(GdcliError):
    """An error of a command, which IPython shows as its message alone."""

    def _render_traceback_(self) -> list[str]:
        return self.message.splitlines()


class Notebook:
    """Who takes the record of a command, and knows what the names of a notebook stand for."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self.record: Shown | None = None
        self._taken: list[str] = []

    def take(self, record: Shown) -> None:
        """Take the record that the command would have printed."""
        self.record = record

    def with_value(self, settings: Any, name: str) -> Any:
        """The settings with the value that a variable has in the notebook; None where it is no number or tensor."""
        if name not in self.names or not is_value(name, self.names[name]):
            return None
        self._taken.append(name)
        return self._with_values(settings, [name])

    def with_moving(self, settings: Any, completed: Any) -> Any:
        """The settings with a ``wrt`` by which values of the notebook stay; None where that changes nothing.

        They stay unless they have ``requires_grad``, if anything else moves in the completed settings.
        """
        if not self._taken or getattr(settings, "wrt", True):
            return None
        stays = {name for name in self._taken if not getattr(self.names[name], "requires_grad", False)}
        moving = [name for name in completed.wrt if name not in stays]
        if not moving or moving == completed.wrt:
            return None
        return self._with_values(replace(settings, wrt=moving), self._taken)

    def hint(self, error: GdcliError, words: list[str]) -> str:
        """The hint at an error, for somebody who types the command in a cell."""
        return hint_in_a_cell(error, words, self.names)

    def _with_values(self, settings: Any, names: list[str]) -> Any:
        from gdcli.given import values_in

        given = {name: self.names[name] for name in names}
        more = read(type(settings), values_in({}, None, given, moving=getattr(settings, "wrt", None) or None))
        changes = {"values": {**settings.values, **more.values}}
        if more.sources:
            changes["sources"] = {**(settings.sources or {}), **more.sources}
        return replace(settings, **changes)


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
    words, is_silent = _words(line)
    if cell is not None:
        if words[:1] == ["watch"]:
            if words[1:]:
                message = f"error: watch takes no options in a cell, but got '{words[1]}'\nhint: %%gdcli watch"
                raise MagicError("usage", message)
            return _watched(shell, cell)
        if not words or words[0] not in _PROGRAMS:
            known = ", ".join(_PROGRAMS)
            message = f"error: the cell is a program for {known}; or code to watch\nhint: %%gdcli minimize --lr 0.1"
            raise MagicError("usage", message)
        words += ["--", cell.strip("\n")]
    record = _record_of(words, shell.user_ns)
    return None if is_silent and _is_statement(shell.user_ns) else record


_PIECES = re.compile(
    r"""\\.|"(?:\\.|[^"\\])*"|'[^']*'"""
    r"""|(?P<comment>(?<!\S)\#.*)|(?P<silent>;\s*(?=$|(?<=\s)\#))|(?P<shell>(?<!\S)(?:\|\|?|&&?|2?>>?)(?=\s|\w|$))""",
    re.DOTALL,
)


def _words(line: str) -> tuple[list[str], bool]:
    """The words of a line without its comment, and whether it ends with a semicolon, which hides the result.

    Raises:
        MagicError: for what only a shell does.
    """
    is_silent = False

    def kept(found: re.Match[str]) -> str:
        nonlocal is_silent
        if found["shell"]:
            message = f"error: a magic has no '{found['shell']}', which is for a shell"
            raise MagicError("usage", f"{message}\nhint: {save_the_record('out.csv')}")
        is_silent |= found["silent"] is not None
        return "" if found["comment"] or found["silent"] else found[0]

    try:
        return shlex.split(_PIECES.sub(kept, line)), is_silent
    except ValueError as error:  # No closing quotation
        raise MagicError("usage", f"error: {str(error)[0].lower()}{str(error)[1:]}") from None


def _is_statement(names: Mapping[str, Any]) -> bool:
    """Whether the magic is a statement by itself: what it returns is shown, and not given to a name."""
    frame = sys._getframe()  # noqa: SLF001 -- IPython tells a magic its line alone
    while frame.f_back is not None and frame.f_globals is not names:
        frame = frame.f_back
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).startswith("get_ipython()")


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
    """Run a cell and watch its loops; where it fails, what was seen is shown, and the error is that of the cell."""
    from gdcli.api import watch

    source = "\n" + shell.transform_cell(cell)  # errors and findings show its lines, and that of the magic is the first
    number = len(shell.history_manager.input_hist_parsed) - 1
    try:
        code = compile(source, shell.compile.cache(source, number), "exec")
    except SyntaxError as error:
        raise MagicError("syntax", "\n".join(shell.SyntaxTB.structured_traceback(type(error), error, []))) from None
    try:
        with watch() as seen:
            exec(code, shell.user_ns)  # noqa: S102 -- it is the cell that was run
    except BaseException as error:
        shell.display_pub.publish(*shell.display_formatter.format(seen.record))
        _show_as_its_own(shell, error)
        raise
    return seen.record


def _show_as_its_own(shell: Any, error: BaseException) -> None:
    """Have IPython show an error with the lines of the cell, and not with those that ran and watched it."""
    frames = None
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if not Path(frame.f_code.co_filename).is_relative_to(_GDCLI):
            frames = TracebackType(frames, frame, frame.f_lasti, line)

    def lines() -> list[str]:
        found: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, frames, tb_offset=0)
        return found

    error._render_traceback_ = lines  # type: ignore[attr-defined]  # the name that IPython looks for
