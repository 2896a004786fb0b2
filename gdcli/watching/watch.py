"""``watch``: a script is run and what it did becomes a record."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from gdcli.contract.envelope import Notice
from gdcli.contract.fields import Nested
from gdcli.contract.watch import (
    Size,
    WatchedLeaf,
    WatchedLoop,
    WatchedOptimizer,
    WatchedStep,
    WatchFailure,
    WatchFinding,
    WatchResult,
    WatchSettings,
)
from gdcli.watching.findings.find import LOOKED_AT, find
from gdcli.watching.places import cell_of
from gdcli.watching.recorder import Recorder
from gdcli.watching.script import Ended, Script, run_script
from gdcli.watching.seen import Amount, Extent, Iteration, WatchedDescent, WatchedScript

OnStep = Callable[[int, str, int, WatchedStep], None]
"""Called with the index of a loop, its file and line, and an iteration of it that is over."""


class Watch:
    """A script to be run under watch; ``on_step`` is called with each iteration of each loop, once it is over."""

    def __init__(self, settings: WatchSettings, script: Script, on_step: OnStep | None = None) -> None:
        self.settings = settings
        self.script = script
        self.recorder = Recorder(keep=settings.keep, done=None if on_step is None else self._done)
        self._on_step = on_step
        self.ended = Ended("finished")
        self.seconds = 0.0
        self.folder, self.environment = os.getcwd(), dict(os.environ)  # noqa: PTH109

    def _done(self, index: int, seen: WatchedDescent, iteration: Iteration) -> None:
        if self._on_step is not None:
            self._on_step(index, self.recorder.places.shown(seen.place.file), seen.place.line, step_of(iteration))

    @property
    def is_child(self) -> bool:
        """Whether this is a process that the script has forked: it has nothing to report."""
        return os.getpid() != self.recorder.process

    def run(self) -> None:
        """Run the script to its end."""
        between = self.recorder.finish if self.script.is_notebook else lambda: None
        self.recorder.start()
        start = time.monotonic()
        try:
            self.ended = run_script(self.script, self.settings.args, between)
        finally:
            self.recorder.stop()
        self.seconds = time.monotonic() - start
        if self.ended.error is not None:
            self.recorder.failed(self.ended.error)
        for part in self.script.parts:
            if not isinstance(part.source, str) or self.script.is_notebook:
                source = part.source if isinstance(part.source, str) else part.source.decode("utf-8", "replace")
                self.recorder.seen.sources[part.file] = source

    def record(self) -> WatchResult:
        """The record of what was seen, with the findings about it; with ``try``, one remedy is tried."""
        seen, shown = self.recorder.seen, self.recorder.places.shown
        findings, notices = find(seen), []
        if self.settings.try_ and findings:
            from gdcli.watching.trial import tried

            if all(each.remedy is None for each in findings):
                message = "no remedy was tried: none of the findings has one that is a line of code"
                notices = [Notice("nothing-tried", message)]
            findings = tried(findings, self)
        record = record_of(seen, self.settings, self.ended, shown, findings, LOOKED_AT, self.script.skipped)
        return replace(record, warnings=notices)


def record_of(  # noqa: PLR0913, PLR0917 -- the parts of a record
    seen: WatchedScript,
    settings: WatchSettings,
    ended: Ended,
    shown: Callable[[str], str],
    findings: Sequence[WatchFinding] = (),
    looked_at: Sequence[str] = (),
    skipped: Sequence[str] = (),
) -> WatchResult:
    """What was seen as a record of plain data; ``shown`` says how a file is written."""
    failure = seen.failure
    return WatchResult(
        settings=settings,
        status=ended.status,
        message=_message(seen, ended, shown, "the script" if settings.script else "the block"),
        exit_code=ended.exit_code,
        failure=None
        if failure is None
        else WatchFailure(
            type=failure.type,
            message=failure.message,
            file=shown(failure.place.file) if failure.place else None,
            line=failure.place.line if failure.place else None,
        ),
        descents=[_loop(each, shown) for each in seen.descents],
        descents_left_out=seen.descents_left_out,
        optimizers=[
            WatchedOptimizer(
                name=each.name, variable=each.variable, groups=each.groups, holds=each.holds, steps=each.steps
            )
            for each in seen.optimizers
        ],
        findings=[replace(each, file=shown(each.file)) for each in findings],
        looked_at=list(looked_at),
        skipped=list(skipped),
    )


def _message(seen: WatchedScript, ended: Ended, shown: Callable[[str], str], whole: str) -> str:
    count = len(seen.descents) + seen.descents_left_out
    backwards = sum(each.count for each in seen.descents)
    what = "no backward was called" if not count else (
        f"backward was called {backwards:,} time{'s' * (backwards != 1)}"
        + (f" in {count:,} loops or single calls" if 1 < count <= backwards else f" at {count:,} lines" * (count > 1))
    )  # fmt: skip
    if ended.status == "finished":
        return what
    if ended.status == "exited":
        return f"{what}; {whole} left with exit code {ended.exit_code}"
    if ended.status == "interrupted":
        return f"{what}; {whole} was interrupted"
    name = "an error" if seen.failure is None else seen.failure.type
    place = None if seen.failure is None else seen.failure.place
    whole = "the cell" if place and cell_of(place.file) else whole
    return f"{what}; {whole} ended with {name}" + (f" at {shown(place.file)}:{place.line}" if place else "")


def _loop(seen: WatchedDescent, shown: Callable[[str], str]) -> WatchedLoop:
    return WatchedLoop(
        file=shown(seen.place.file),
        line=seen.place.line,
        function=seen.place.function,
        kind=seen.kind,
        run=seen.run,
        count=seen.count,
        leaves={
            name: WatchedLeaf(
                shape=leaf.shape,
                dtype=leaf.dtype,
                requires_grad=leaf.requires_grad,
                is_leaf=leaf.is_leaf,
                reached=leaf.reached,
                held=leaf.held,
            )
            for name, leaf in seen.leaves.items()
        },
        optimizers=seen.optimizers,
        iterations=[step_of(each) for each in seen.iterations],
        result={name: _plain(state.value) for name, state in seen.result.items()},
        not_finite=seen.not_finite,
    )


def step_of(iteration: Iteration) -> WatchedStep:
    """An iteration as records have it."""
    leaves = iteration.leaves
    return WatchedStep(
        iteration=iteration.number,
        loss=iteration.loss,
        values={name: _plain(state.value) for name, state in leaves.items()},
        grads={name: _plain(state.grad) for name, state in leaves.items()},
        lr=iteration.lr,
        before={name: state.before for name, state in leaves.items() if state.before != "none"},
        moved={name: state.moved for name, state in leaves.items() if state.moved is not None},
        by={name: state.by for name, state in leaves.items() if state.by is not None},
    )


def _plain(amount: Amount) -> Nested | Size:
    if isinstance(amount, Extent):
        return Size(amount.count, amount.norm, amount.smallest, amount.largest)
    return amount
