"""All findings about a script that was watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gdcli.contract.watch import WatchFinding
from gdcli.watching.findings.case import Case
from gdcli.watching.findings.errors import of_descent, of_script
from gdcli.watching.findings.finite import not_finite
from gdcli.watching.findings.flat import plateau, saddle
from gdcli.watching.findings.graphs import grows, same_loss_twice
from gdcli.watching.findings.layers import dead_relu, layers
from gdcli.watching.findings.rates import float_floor, too_large, too_small
from gdcli.watching.findings.reach import not_held, not_reached
from gdcli.watching.findings.shapes import broadcast, not_averaged
from gdcli.watching.findings.source import Sources
from gdcli.watching.findings.turning import cycling, oscillating
from gdcli.watching.findings.updates import lr_zero, never_stepped, rebound, schedule_before_step
from gdcli.watching.findings.zeroing import zero_grad_before_step, zero_grad_forgotten
from gdcli.watching.seen import WatchedScript

Finder = Callable[[Case], WatchFinding | None]

# How the loop is written.
_OF_THE_LOOP: tuple[Finder, ...] = (
    of_descent,
    grows,
    same_loss_twice,
    rebound,
    zero_grad_before_step,
    zero_grad_forgotten,
    lr_zero,
    never_stepped,
    not_held,
    not_reached,
    schedule_before_step,
    broadcast,
    not_averaged,
)
# How the descent went: each explains those after it, and what the loop does wrong explains them all.
_OF_THE_DESCENT: tuple[Finder, ...] = (
    dead_relu,
    too_large,
    not_finite,
    float_floor,
    plateau,
    saddle,
    cycling,
    oscillating,
    too_small,
)
LOOKED_AT = (
    "gradients that are not set to zero, or too early",
    "updates that are lost, missing, or in the wrong order",
    "leaves that the loss or the optimizer does not reach",
    "graphs that grow, or are changed in place before backward",
    "shapes and sums in the loss",
    "nan and inf",
    "dead ReLUs, vanishing and exploding gradients",
    "learning rates of 0, too large or too small, and the precision of the dtype",
    "plateaus, saddles, cycles and oscillation",
)
"""What a script is looked at for."""


def find(script: WatchedScript) -> list[WatchFinding]:
    """The findings about a script, the most important first: each line once for each kind."""
    sources = Sources(script.sources)
    found: list[WatchFinding] = []
    of_error = of_script(script, sources)
    if of_error is not None:
        found.append(of_error)
    for index in range(len(script.descents)):
        found += _of_one(Case(script, index, sources))
    return _each_once(found)


def _of_one(case: Case) -> list[WatchFinding]:
    found = _all(_OF_THE_LOOP, case)
    if not found and case.iterations and case.is_loop:
        one = next((each for finder in _OF_THE_DESCENT if (each := _asked(finder, case)) is not None), None)
        found = [one] if one is not None else []
        if one is None or one.code not in ("not-finite", "learning-rate-too-large", "dead-relu"):
            found = _all((layers,), case) or found
    elif not found and case.iterations:
        found = _all((not_finite,), case)
    return found


def _all(finders: Sequence[Finder], case: Case) -> list[WatchFinding]:
    return [each for finder in finders if (each := _asked(finder, case)) is not None]


def _asked(finder: Finder, case: Case) -> WatchFinding | None:
    """What a finder says; of one that fails on what it does not foresee, that it failed: the record remains."""
    try:
        return finder(case)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        message = f"the look for {finder.__name__} failed ({type(error).__name__}): what it would say is not known"
        evidence = {"part": finder.__name__, "error": str(error)}
        return case.finding("incomplete", message, None, evidence, "report this as a fault of gdcli", guess=True)


def _each_once(findings: list[WatchFinding]) -> list[WatchFinding]:
    seen = set()
    kept = []
    for each in findings:
        key = each.code, each.file, each.line
        if key not in seen:
            seen.add(key)
            kept.append(each)
    return kept
