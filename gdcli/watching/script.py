"""Running a script as ``python SCRIPT`` does, with its own arguments, ``__main__`` and errors. It is no sandbox."""

from __future__ import annotations

import builtins
import concurrent.futures.thread
import contextlib
import importlib.machinery
import io
import linecache
import os
import signal
import sys
import threading
import tokenize
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from gdcli.errors import GdcliError, OutsideError
from gdcli.watching.notebook import read_notebook
from gdcli.watching.places import Places

INTERRUPTED = 130
_GDCLI = str(Path(__file__).parent.parent) + os.sep


class Part(Struct, frozen=True):
    """A piece of code that runs at once: a script, or a cell. ``file`` is the name that its places have."""

    file: str
    source: str | bytes


class Script(Struct, frozen=True):
    """A script: its name as it is typed, its parts, and the lines of a notebook that are left out."""

    name: str
    parts: list[Part]
    skipped: list[str] = []
    is_notebook: bool = False


class Ended(Struct, frozen=True):
    """How a script ended, and its exit code; ``error`` is what nobody caught."""

    status: Literal["finished", "exited", "error", "interrupted"]
    exit_code: int = 0
    error: BaseException | None = None


def read_script(name: str, cell: int | None = None) -> Script:
    """Read a script, a notebook up to a cell, or standard input (``-``).

    Raises:
        OutsideError: when it cannot be read.
        GdcliError: when a notebook is none, or has no such cell.
    """
    if name == "-":
        return Script(name, [Part("<stdin>", sys.stdin.buffer.read())])
    path = Path(name)
    try:
        if path.is_dir():
            raise GdcliError("script", f"{name} is a folder", "name a script in it")
        source = path.read_bytes()
    except OSError as error:
        raise OutsideError("script", f"cannot read {name}: {error.strerror}") from error
    if path.suffix.lower() == ".ipynb":
        cells, skipped = read_notebook(name, source.decode("utf-8", "replace"), cell)
        return Script(
            name, [Part(f"{name} cell {each.number}", each.source) for each in cells], skipped, is_notebook=True
        )
    return Script(name, [Part(os.path.abspath(name), source)])  # noqa: PTH100 -- as Python does: links stay


def run_script(script: Script, args: Sequence[str], between: Callable[[], None] = lambda: None) -> Ended:
    """Run a script to its end. ``between`` is called after each of its parts.

    What it does to ``sys.argv``, ``sys.path`` and ``__main__`` is undone; what else it does stays done.
    """
    with _as_main(script, args) as module, _as_python():
        try:
            for part in script.parts:
                exec(_compiled(part, cell=script.is_notebook), module.__dict__)  # noqa: S102 -- what it is for
                between()
        except SystemExit as left:
            ended = Ended("exited", _code_of(left))
        except KeyboardInterrupt as error:
            _show(error)
            ended = Ended("interrupted", INTERRUPTED, error)
        except BaseException as error:  # noqa: BLE001 -- shown as Python shows it
            _show(error)
            ended = Ended("error", 1, error)
        else:
            ended = Ended("finished")
        try:
            _wait_for_threads()
        except KeyboardInterrupt as error:
            ended = Ended("interrupted", INTERRUPTED, error)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
    return ended


def _compiled(part: Part, *, cell: bool) -> types.CodeType:
    text = part.source if isinstance(part.source, str) else _decoded(part.source)
    if text is not None and (cell or part.file == "<stdin>"):  # Python shows the lines of errors from here
        linecache.cache[part.file] = (len(text), None, text.splitlines(keepends=True), part.file)
    return compile(part.source, part.file, "exec", dont_inherit=True)


def _decoded(source: bytes) -> str | None:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        return source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        return None


@contextlib.contextmanager
def _as_main(script: Script, args: Sequence[str]) -> Iterator[types.ModuleType]:
    """A module in the place of ``__main__``, as Python makes it for a script."""
    module = types.ModuleType("__main__")
    before = sys.argv, sys.path[:], sys.modules["__main__"]
    module.__dict__.update(__builtins__=builtins, __spec__=None, __package__=None, __cached__=None)
    first = ""
    if script.name != "-":
        file = os.path.abspath(script.name)  # noqa: PTH100
        module.__file__ = file
        module.__dict__["__loader__"] = importlib.machinery.SourceFileLoader("__main__", file)
        first = os.path.dirname(os.path.realpath(script.name))  # noqa: PTH120
    sys.argv = [script.name, *args]
    if getattr(sys.flags, "safe_path", False):
        pass
    elif sys.path:
        sys.path[0] = first
    else:
        sys.path.append(first)
    sys.modules["__main__"] = module
    try:
        yield module
    finally:
        sys.argv, sys.path[:] = before[0], before[1]
        sys.modules["__main__"] = before[2]


@contextlib.contextmanager
def _as_python() -> Iterator[None]:
    """Signals, warnings and the standard streams as Python has them."""
    shown = warnings.showwarning
    warnings.showwarning = Places().warning_shown(warnings._showwarning_orig)  # type: ignore[attr-defined] # noqa: SLF001
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        usual: dict[str, Any] = {
            "SIGINT": signal.default_int_handler,
            "SIGTERM": signal.SIG_DFL,
            "SIGHUP": signal.SIG_DFL,
        }
        for name, handler in usual.items():
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                handlers[number] = signal.signal(number, handler)
    out = sys.stdout
    errors = getattr(out, "errors", None)
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="strict")
    try:
        yield
    finally:
        warnings.showwarning = shown
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if isinstance(out, io.TextIOWrapper) and not out.closed:
            out.reconfigure(errors=errors)
        sys.stdout = out


def _code_of(left: SystemExit) -> int:
    """The exit code of ``sys.exit``; what is no number is printed, as Python does."""
    code = left.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)  # noqa: T201
    return 1


def _show(error: BaseException) -> None:
    """Have the error shown as Python shows it, without the frames of gdcli."""
    error.with_traceback(_without_own(error.__traceback__))
    seen = {id(error)}
    inner = error.__cause__ or error.__context__
    while inner is not None and id(inner) not in seen:
        seen.add(id(inner))
        inner.__traceback__ = _without_own(inner.__traceback__)
        inner = inner.__cause__ or inner.__context__
    sys.stdout.flush()
    sys.excepthook(type(error), error, error.__traceback__)


def _without_own(entry: types.TracebackType | None) -> types.TracebackType | None:
    kept = []
    while entry is not None:
        if not entry.tb_frame.f_code.co_filename.startswith(_GDCLI):
            kept.append(entry)
        entry = entry.tb_next
    found: types.TracebackType | None = None
    for each in reversed(kept):
        found = types.TracebackType(found, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return found


def _wait_for_threads() -> None:
    """Wait for the threads that Python waits for at its end."""
    if concurrent.futures.thread._threads_queues:  # noqa: SLF001 -- idle workers wait for this
        concurrent.futures.thread._python_exit()  # noqa: SLF001
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
