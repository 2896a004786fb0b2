"""The choice of an engine: the fastest whose steps have the bits of single runs."""

from __future__ import annotations

import importlib.util

from gdcli.batch.fast import Fast
from gdcli.batch.many import Engine
from gdcli.batch.newton import Newton
from gdcli.batch.objective import can_be_batched
from gdcli.batch.recording import NotRecordedError
from gdcli.batch.replay import Replay
from gdcli.batch.step import Step, StepSettings, record_step
from gdcli.batch.vmapped import Vmap
from gdcli.contract.sweep import SweepSettings
from gdcli.errors import ExpressionError, GdcliError, OutsideError
from gdcli.tensors import Problem

_WIDE = 1_024  # numbers of a tensor of one run, from which on a call for all runs costs little beside its work
_LINES_MADE = 3e9  # a second, by replay, about
_COMPILED, _LINES_COMPILED = 2.0, 60  # seconds that numba takes for a few lines, and lines a second beyond
_GAIN = 8  # of fast over replay, about


def engine_for(problem: Problem, settings: SweepSettings, step: StepSettings, run_steps: int) -> tuple[Engine, str]:
    """The engine for about so many steps of single runs, and why it is not a faster one; empty for the fastest.

    Raises:
        ExpressionError: for an expression that cannot be evaluated for many runs at once.
        OutsideError: for an engine that is not installed.
        GdcliError: for an engine that was asked for and cannot make these steps.
    """
    wanted = settings.engine
    if wanted == "fast" and not has_numba():
        raise OutsideError("missing-extra", "the engine fast needs numba, which is not installed",
                           'install it: pip install "gdcli[fast]", or use --engine replay')  # fmt: skip
    if step.rule == "newton":
        return _newton(problem, settings, step), ""
    try:
        recorded = record_step(problem, step)
    except NotRecordedError as error:
        return _vmap(problem, settings, step, str(error)), f"{error} is not made in place"
    if wanted == "vmap":
        return _vmap(problem, settings, step, ""), ""
    widest = max(operation.result.size for operation in recorded.evaluation)
    if wanted == "auto" and widest > _WIDE and _is_vmapped(problem):
        return _vmap(problem, settings, step, ""), f"a tensor of {widest:,} numbers a run gains nothing in place"
    if wanted == "replay":
        return Replay(recorded), ""
    return _fast(problem, recorded, settings, run_steps)


def has_numba() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def _fast(problem: Problem, step: Step, settings: SweepSettings, run_steps: int) -> tuple[Engine, str]:
    """The engine fast, where it has the bits and its gain is more than it takes to compile."""
    asked = settings.engine == "fast"
    if not has_numba():
        return Replay(step), ""
    try:
        engine = Fast(step)
    except NotRecordedError as error:
        if asked:
            expression = problem.objective.expression
            message = f"the engine fast does not have {error}"
            raise ExpressionError(
                "engine", message, "use --engine replay", source=expression.source, span=expression.place
            ) from None
        return Replay(step), f"fast does not have {error}"
    if asked:
        return engine, ""
    source = engine.source
    if source.approximate and settings.tolerance_ulp is None:
        return Replay(step), f"fast rounds {', '.join(source.approximate)} otherwise"
    lines = source.lines
    saved = run_steps * lines / _LINES_MADE * (1 - 1 / _GAIN)
    if saved < _COMPILED + lines / _LINES_COMPILED:
        return Replay(step), ""
    return engine, ""


def _newton(problem: Problem, settings: SweepSettings, step: StepSettings) -> Engine:
    """The engine of Newton's method, which makes the operations of a single run in place."""
    if settings.engine not in ("auto", "replay"):
        message = f"the engine {settings.engine} has no step of newton"
        raise GdcliError("optimizer", message, "use --engine replay")
    try:
        return Newton(problem, step)
    except NotRecordedError as error:
        expression = problem.objective.expression
        message = f"newton cannot be swept over this expression: its Hessian needs {error}, which is not made in place"
        hint = "run its cells one by one with gdcli minimize"
        raise ExpressionError("engine", message, hint, source=expression.source, span=expression.place) from None


def _is_vmapped(problem: Problem) -> bool:
    return can_be_batched(problem, {name: leaf.detach() for name, leaf in problem.leaves.items()})


def _vmap(problem: Problem, settings: SweepSettings, step: StepSettings, operation: str) -> Engine:
    if not _is_vmapped(problem) or (operation and settings.engine in ("replay", "fast")):
        expression = problem.objective.expression
        can = "be evaluated for many runs at once" if settings.engine in ("auto", "vmap") else f"use {settings.engine}"
        message = f"this expression cannot {can}: {operation or 'PyTorch has no batching rule for a part of it'}"
        hint = "run its cells one by one with gdcli minimize"
        if settings.engine in ("replay", "fast"):
            hint = "use --engine auto"
        raise ExpressionError("engine", message, hint, source=expression.source, span=expression.place)
    return Vmap(problem, record_step(problem, step, evaluates=False))
