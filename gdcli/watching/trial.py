"""``--try``: the remedy of a finding, tried by running the script once more with that one line changed.

The second run is a process of its own: it begins as the first one did, its output is discarded, and it can be ended.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from msgspec import Struct
from msgspec.structs import replace

from gdcli.contract.short import short
from gdcli.contract.watch import WatchFinding, WatchRemedy, WatchSettings
from gdcli.watching.change import CannotChangeError, changed
from gdcli.watching.findings.find import find
from gdcli.watching.script import Script
from gdcli.watching.seen import Place, WatchedDescent
from gdcli.watching.watch import Watch

START = 30.0
"""Seconds that a second run may take beyond twice the time of the first one."""
_PAUSE = 0.02  # seconds between two looks at whether it has ended
_CHILD = """
import sys
sys.path[: 0 if getattr(sys.flags, "safe_path", False) else 1] = [sys.argv[2]]
sys.path.append(sys.argv[2])
from gdcli.watching.trial import run_again
run_again(sys.argv[1])
"""


class TellsNothingError(Exception):
    """A second run that tells nothing, with the reason."""


class SecondRun(Struct):
    """What a second run came to: of each loop its count and its last loss, and the findings with their loops.

    ``asked``: the script wanted input.
    """

    asked: bool
    status: str
    exit_code: int
    error: str
    loops: dict[tuple[Place, int, str], tuple[int, float]]
    found: list[tuple[str, str, int, Place | None]]


def tried(findings: Sequence[WatchFinding], watch: Watch) -> list[WatchFinding]:
    """The findings, the first whose remedy can be tried with what came of it; those before it say why they cannot."""
    done = list(findings)
    for i, finding in enumerate(findings):
        remedy = finding.remedy
        if remedy is None:
            continue
        if watch.ended.status == "interrupted":
            done[i] = replace(finding, remedy=replace(remedy, effect="the script was interrupted"))
            break
        try:
            script = changed(watch.script, finding, _loop(finding, watch))
        except CannotChangeError as error:
            done[i] = replace(finding, remedy=replace(remedy, effect=str(error)))
            continue
        try:
            remedy = _judged(remedy, finding, _in_a_process(script, watch), findings, watch)
        except TellsNothingError as error:
            remedy = replace(remedy, tried=True, effect=str(error))
        done[i] = replace(finding, remedy=remedy)
        break
    return done


def _loop(finding: WatchFinding, watch: Watch) -> WatchedDescent | None:
    return None if finding.descent is None else watch.recorder.seen.descents[finding.descent]


def _in_a_process(script: Script, watch: Watch) -> SecondRun:
    """Run the changed script under the recorder, for at most ``START`` and twice the time of the first run.

    Raises:
        TellsNothingError: when it does not end, or leaves no report.
    """
    limit = START + 2 * watch.seconds
    root = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory(prefix="gdcli-") as folder:
        Path(folder, "run").write_bytes(pickle.dumps((replace(watch.settings, try_=False), script)))
        with _signals_noted() as signals:
            process = subprocess.Popen(  # noqa: S603 -- Python itself
                [sys.executable, "-c", _CHILD, folder, root],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                cwd=watch.folder, env=watch.environment, start_new_session=True,
            )  # fmt: skip
            try:
                end = time.monotonic() + limit
                while process.poll() is None and not signals and time.monotonic() < end:
                    time.sleep(_PAUSE)
                late = process.poll() is None
            finally:
                _end(process)
        if signals:
            raise TellsNothingError("the second run was interrupted")
        report = Path(folder, "report")
        if report.exists():
            return pickle.loads(report.read_bytes())  # type: ignore[no-any-return] # noqa: S301 -- written by run_again
    if late:
        raise TellsNothingError(f"the second run had not ended after {limit:.0f} s, and was ended")
    raise TellsNothingError(f"the second run left no report (exit code {process.returncode})")


@contextlib.contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """Signals that would end gdcli, which has a process to end first: Ctrl-C ends that one alone."""
    noted: list[int] = []
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")):
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                handlers[number] = signal.signal(number, lambda got, _: noted.append(got))
    try:
        yield noted
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number in noted:
        if number != signal.SIGINT:
            signal.raise_signal(number)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a second run, with the processes that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


class _NoInput(io.TextIOBase):
    """Standard input of a second run, which notes that it was asked for."""

    asked = False

    def _refuse(self, *_: object) -> NoReturn:
        self.asked = True
        raise EOFError("a second run has no input")

    read = readline = readlines = _refuse
    buffer = property(_refuse)


def run_again(folder: str) -> None:
    """The second run, in the process that is made for it."""
    settings, script = pickle.loads(Path(folder, "run").read_bytes())  # noqa: S301 -- written by _in_a_process
    no_input = _NoInput()
    if script.name != "-":  # which has read all of it
        sys.stdin = no_input
    second = second_run(settings, script)
    if second is not None:
        second.asked = no_input.asked
        half = Path(folder, "half")
        half.write_bytes(pickle.dumps(second))
        half.rename(Path(folder, "report"))


def second_run(settings: WatchSettings, script: Script) -> SecondRun | None:
    """Run a script and look for findings; None in a process that it has forked."""
    for part in script.parts:  # what reads the source of a function reads the changed one
        text = part.source if isinstance(part.source, str) else part.source.decode("utf-8", "replace")
        linecache.cache[part.file] = (len(text), None, text.splitlines(keepends=True), part.file)
    watch = Watch(settings, script)
    watch.run()
    if watch.is_child:
        return None
    seen, shown = watch.recorder.seen, watch.recorder.places.shown
    failure, error = seen.failure, ""
    if failure is not None:
        place = f" at {shown(failure.place.file)}:{failure.place.line}" if failure.place else ""
        error = f"{failure.type}{place}: {failure.message.partition(chr(10))[0]}"
    loops = {_key(each): (each.count, each.iterations[-1].loss) for each in seen.descents if each.iterations}
    places = [None, *(each.place for each in seen.descents)]
    found = [(str(each.code), each.file, each.line, places[0 if each.descent is None else each.descent + 1])
             for each in find(seen)]  # fmt: skip
    return SecondRun(False, watch.ended.status, watch.ended.exit_code, error, loops, found)


def _key(loop: WatchedDescent) -> tuple[Place, int, str]:
    return loop.place, loop.run, loop.kind


def _judged(
    remedy: WatchRemedy, finding: WatchFinding, second: SecondRun, findings: Sequence[WatchFinding], watch: Watch
) -> WatchRemedy:
    """The remedy with what its run came to.

    Raises:
        TellsNothingError: when that run tells nothing.
    """
    if second.asked:
        raise TellsNothingError("the script asks for input, which a second run does not have")
    if second.status == "error":
        raise TellsNothingError(f"the script then ends with {second.error}")
    loop = _loop(finding, watch)
    place = None if loop is None else loop.place
    gone = not any(
        code == finding.code and ((file, line) == (finding.file, finding.line) or (place is not None and at == place))
        for code, file, line, at in second.found
    )
    before = None if loop is None or not loop.iterations else (loop.count, loop.iterations[-1].loss)
    after = None if loop is None else second.loops.get(_key(loop))
    if loop is not None and after is None:
        raise TellsNothingError("the script then does not reach this loop")
    said = []
    if after is not None:
        instead = "" if before is None else f" instead of {short(before[1], 4)}"
        said.append(f"the last loss is {short(after[1], 4)}{instead}")
        if before is not None and after[0] != before[0]:
            said[-1] += f" (after {after[0]:,} iterations instead of {before[0]:,})"
        if finding.code == "not-averaged":
            said[-1] += " (a mean, and no sum)"
    if second.exit_code != watch.ended.exit_code:
        said.append(f"the exit code is {second.exit_code} instead of {watch.ended.exit_code}")
    said.append("the finding is gone" if gone else "the finding is still there")
    known = {(each.code, each.file, each.line) for each in findings}
    new = [f"{code} at line {line}" for code, file, line, _ in second.found
           if (code, file, line) not in known and code != finding.code]  # fmt: skip
    effect = ", and ".join(said) + (f"; new: {', '.join(new)}" if new else "")
    return replace(remedy, tried=True, effect=effect, loss=None if after is None else after[1], gone=gone)
