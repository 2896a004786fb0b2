"""The entry point: runs the command line, reports every error, and returns the exit code. No traceback is shown."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import re
import sys
import warnings
from typing import TYPE_CHECKING, NoReturn

import typer

from gdcli.cli.arguments import suggestion
from gdcli.cli.heard import sentence
from gdcli.cli.last_words import take_signals
from gdcli.cli.messages import print_error, to_stderr, warn_of
from gdcli.cli.shell import ASKS
from gdcli.errors import ExitCode, GdcliError, OutsideError, UserInterruptError

if TYPE_CHECKING:
    from gdcli.cli.output import Notebook


def main() -> NoReturn:
    """Run the command line and end the process."""
    take_signals()
    gc.disable()  # until a command runs: imported modules are never freed
    _open_what_is_closed()
    _buffer_stdout()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # characters that the terminal cannot show are escaped
            stream.reconfigure(errors="backslashreplace")
    code = _complete() if ASKS in os.environ else run(sys.argv[1:])
    if "torch" not in sys.modules:
        sys.exit(code)
    # Unloading torch takes a third of a second and is not needed: all output is flushed.
    atexit._run_exitfuncs()  # noqa: SLF001 -- os._exit skips them
    _flush()
    os._exit(code)


def _complete() -> int:
    """Answer a shell that asks how a command line may go on; an error would appear in the prompt."""
    from gdcli.cli.shell.answer import answer

    try:
        answer(os.environ, sys.argv[1:])
    except Exception as error:  # noqa: BLE001 -- half a command line may be anything
        _debug(error)
        return ExitCode.FAILED
    return ExitCode.OK


def run(words: list[str], notebook: Notebook | None = None) -> int:
    """Run a command line and return its exit code. Output is flushed.

    A ``notebook`` takes the record instead of what is printed for people.
    """
    # torch warns on import that there is no NumPy; gdcli does not need it.
    warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
    warnings.showwarning = _show_warning
    try:
        code = _run(words, notebook)
        sys.stdout.flush()
    except GdcliError as error:
        return _fail(error, words, notebook)
    except typer.TyperException as error:
        return _fail(_usage_error(error.format_message()), words, notebook)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(UserInterruptError(), words)
    except (BrokenPipeError, SystemExit):  # Typer turns the first into the second
        return _closed_pipe()
    except MemoryError:
        return _fail(GdcliError("limit", "not enough memory", "use smaller tensors"), words)
    except UnicodeEncodeError:
        return _fail(GdcliError("usage", "an argument of the command line is not valid UTF-8"), words)
    except OSError as error:
        _drop_stdout()
        return _fail(OutsideError("output", f"cannot write the output: {error.strerror}"), [])
    except Exception as error:  # noqa: BLE001 -- no traceback is shown
        _debug(error)
        message = f"internal error: {type(error).__name__}: {error}"
        return _fail(OutsideError("internal", message, "set GDCLI_DEBUG=1 for a traceback; please report it"), words)
    return code


def _open_what_is_closed() -> None:
    """Open the null device for each standard stream that is closed (``>&-``)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 -- stays open


def _buffer_stdout() -> None:
    """Have whole documents written: with PYTHONUNBUFFERED, a write to a pipe or a full disk may end half way."""
    if isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.RawIOBase):
        encoding = sys.stdout.encoding
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(sys.stdout.detach()), encoding, line_buffering=True)


def _run(words: list[str], notebook: Notebook | None) -> int:
    from gdcli.cli.app import group

    code = group()(args=words, prog_name="gdcli", standalone_mode=False, obj=notebook)
    return int(code or 0)


def _fail(error: GdcliError, words: list[str], notebook: Notebook | None = None) -> int:
    _debug(error)
    if notebook is not None:
        error.hint = notebook.hint(error, words)
    as_json = ("--json" in words or "--jsonl" in words) and not error.is_late  # one document is enough
    try:
        command = words[0] if words and not words[0].startswith("-") else ""
        print_error(error, command, as_json=as_json, indent="--json" in words and sys.stdout.isatty())
    except OSError:
        _drop_stdout()
    return error.exit_code


def _debug(error: BaseException) -> None:
    if os.environ.get("GDCLI_DEBUG") and error.__traceback__ is not None:
        import traceback

        to_stderr("".join(traceback.format_exception(error)).rstrip())


def _usage_error(message: str) -> GdcliError:
    """The message of the option parser in the style of gdcli: "no such command 'x'", with its suggestion as a hint."""
    message, _, meant = " ".join(message.split()).rstrip(".?").partition(". Did you mean ")
    if option := re.match(r"No such option: (\S+)", message):  # only before the command: after it, arguments are sorted
        name = option[1]
        if name.endswith("-completion"):  # as other programs have it
            hint = "gdcli completion SHELL prints the script of a shell"
            return GdcliError("unknown-option", f"unknown option '{name}'", hint)
        hint = suggestion(name, ["--version", "--help"])
        hint = hint or f"options come after the command: gdcli COMMAND {name}"
        return GdcliError("unknown-option", f"unknown option '{name}'", hint)
    hint = f"did you mean {meant}?" if meant else "--help shows the usage"
    return GdcliError("usage", message[:1].lower() + message[1:], hint)


def _closed_pipe() -> int:
    """The reader closed the pipe, as ``head`` does: this is not an error."""
    _drop_stdout()
    return ExitCode.OK


def _drop_stdout() -> None:
    """Discard what is still buffered for standard output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    warn_of(sentence(message))
