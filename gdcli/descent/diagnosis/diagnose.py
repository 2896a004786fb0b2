"""All findings about a run, the most important first."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from gdcli.contract.descent import StopReason
from gdcli.contract.diagnosis import Finding
from gdcli.descent.diagnosis.cycling import cycling
from gdcli.descent.diagnosis.elsewhere import below, local_minimum, recovered, unexplained
from gdcli.descent.diagnosis.held import held
from gdcli.descent.diagnosis.kink import kink
from gdcli.descent.diagnosis.origin import not_finite
from gdcli.descent.diagnosis.places import float_floor, saddle, stationary, vanishing_gradient
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.shapes import badly_scaled, broadcast
from gdcli.descent.diagnosis.speed import crawling, speed
from gdcli.descent.diagnosis.too_large import learning_rate_too_large
from gdcli.descent.diagnosis.turning import turning
from gdcli.descent.diagnosis.uphill import uphill
from gdcli.descent.diagnosis.without_end import without_end

Finder = Callable[[Run], Finding | None]

_SPEED = frozenset(["slow", "rate"])
_BACK_AND_FORTH = frozenset(["oscillating", "zig-zag"])
# What is already explained by an earlier finding.
_EXPLAINS: dict[str, frozenset[str]] = {
    "dead-relu": _SPEED | _BACK_AND_FORTH | {"vanishing-gradient", "saddle", "stationary", "local-minimum"},
    "unbounded": _SPEED
    | {"unexplained", "learning-rate-too-large", "not-finite", "vanishing-gradient", "saddle", "oscillating"},
    "no-minimum": _SPEED | {"vanishing-gradient", "saddle", "local-minimum"},
    "kink": _SPEED
    | _BACK_AND_FORTH
    | {"cycling", "learning-rate-too-large", "held", "saddle", "vanishing-gradient", "float-floor", "local-minimum"},
    "cycling": _SPEED | _BACK_AND_FORTH | {"float-floor"},
    "learning-rate-too-large": _SPEED | _BACK_AND_FORTH | {"vanishing-gradient"},
    "momentum-too-large": _SPEED | _BACK_AND_FORTH | {"vanishing-gradient"},
    "overflow-recovered": _SPEED | {"vanishing-gradient"},
    "uphill": _SPEED | _BACK_AND_FORTH,
    "saddle": _SPEED | {"vanishing-gradient", "stationary", "float-floor"},
    "stationary": _SPEED | {"vanishing-gradient"},
    "held": _SPEED | _BACK_AND_FORTH | {"vanishing-gradient", "float-floor", "local-minimum", "no-minimum"},
    "vanishing-gradient": _SPEED | {"float-floor"},
    "local-minimum": _BACK_AND_FORTH | {"slow"},
    "oscillating": frozenset(["slow"]),
    "zig-zag": frozenset(["slow"]),
    "badly-scaled": frozenset(["rate"]),
    "slow": frozenset(["slow"]),
    "unexplained": _SPEED | _BACK_AND_FORTH | {"local-minimum"},
    "rate": frozenset(["slow"]),
}
# With the codes of what they find.
_FINDERS: tuple[tuple[Finder, frozenset[str]], ...] = (
    (broadcast, frozenset(["broadcast"])),
    (without_end, frozenset(["unbounded", "no-minimum"])),
    (kink, frozenset(["kink"])),
    (cycling, frozenset(["cycling"])),
    (learning_rate_too_large, frozenset(["learning-rate-too-large", "momentum-too-large"])),
    (below, frozenset(["unexplained"])),
    (not_finite, frozenset(["not-finite"])),
    (recovered, frozenset(["overflow-recovered"])),
    (uphill, frozenset(["uphill"])),
    (saddle, frozenset(["saddle"])),
    (stationary, frozenset(["stationary"])),
    (held, frozenset(["held"])),
    (vanishing_gradient, frozenset(["vanishing-gradient"])),
    (local_minimum, frozenset(["local-minimum"])),
    (turning, _BACK_AND_FORTH),
    (badly_scaled, frozenset(["badly-scaled"])),
    (speed, _SPEED),
    (crawling, frozenset(["slow"])),
    (float_floor, frozenset(["float-floor"])),
)
_SILENT = frozenset(["rate", "no-curvature", "incomplete", "work-limit", "broadcast"])
"""Findings that are no reason for a loss above the known minimum."""
_NO_CAUSE = frozenset(["rate", "float-floor"])
_REMEDIES = 2
_EQUALLY = 1e-6  # of what was gained: so much higher is equally low


def diagnose(collect: Callable[[], Run], own: Sequence[Finder] = ()) -> list[Finding]:
    """The findings about the run that ``collect`` returns; ``own`` are finders of one kind of descent.

    It never raises: what fails is said to have failed.
    """
    findings: list[Finding] = []
    try:
        run = collect()
    except Exception as error:  # noqa: BLE001 -- a run that has ended well must not fail here
        return [_incomplete("collecting", error)]
    if run.reason is StopReason.NO_GRADIENT:
        return findings
    explained: set[str] = set()
    for find, codes in (*((find, frozenset(["own"])) for find in own), *_FINDERS):
        if codes <= explained:
            continue
        try:
            found = find(run)
        except Exception as error:  # noqa: BLE001 -- nor here
            findings.append(_incomplete(find.__name__, error))
            continue
        if found is not None and found.code not in explained:
            findings.append(found)
            explained |= _EXPLAINS.get(found.code, set())
    if not {finding.code for finding in findings} - _SILENT:
        findings += _last_resort(run)
    findings = _best_first(run, findings)
    if run.is_limited:
        message = (
            "not every remedy was tried: the runs for it have reached their limit, the cost of this run and about half "
            "a second"
        )
        findings.append(Finding("work-limit", message, None, {}))
    if run.gaps:
        findings.append(
            Finding("no-curvature", f"the curvature is not available: {run.gaps[0]}", None, {"reasons": run.gaps})
        )
    return findings


MOST_UNKNOWNS = 10_000
"""Above so many unknowns a run is not diagnosed."""


def too_many(unknowns: int) -> Finding:
    """What is said of a run with more unknowns than can be looked at in time."""
    message = f"no diagnosis: {unknowns:,} unknowns are too many; the limit is {MOST_UNKNOWNS:,}"
    return Finding("work-limit", message, None, {"unknowns": unknowns})


def _last_resort(run: Run) -> list[Finding]:
    """What is said of a run that did not do well for no reason that was found."""
    try:
        found = unexplained(run)
    except Exception as error:  # noqa: BLE001 -- as above
        return [_incomplete("unexplained", error)]
    return [] if found is None else [found]


def _best_first(run: Run, findings: Sequence[Finding]) -> list[Finding]:
    """Those that say what is wrong in the order of what their remedies do, the others where they are.

    No more than two remedies are given, those that come first.
    """
    causes = [finding for finding in findings if finding.remedy is not None and finding.code not in _NO_CAUSE]
    ordered = iter(sorted(causes, key=functools.partial(_rank, run, min((_loss(run, c) for c in causes), default=0.0))))
    found, told = [], list[str]()
    for finding in findings:
        each = next(ordered) if finding in causes else finding
        if each.remedy is not None and each.remedy.options not in told:
            told.append(each.remedy.options)
            each = replace(each, remedy=None) if len(told) > _REMEDIES else each
        found.append(each)
    return sorted(found, key=lambda each: each.code == "incomplete")


def _rank(run: Run, lowest: float, finding: Finding) -> tuple[bool, float, float]:
    """What is smaller is better: a loss that is the lowest, then the number of steps to the goal, then the loss."""
    remedy, loss = finding.remedy, _loss(run, finding)
    slack = _EQUALLY * abs(run.loss(run.first) - lowest)
    arrives = math.inf if remedy is None or remedy.arrives is None else remedy.arrives
    return loss > lowest + slack, arrives, loss


def _loss(run: Run, finding: Finding) -> float:
    return math.inf if finding.remedy is None else run.sign * finding.remedy.loss


def _incomplete(part: str, error: Exception) -> Finding:
    evidence = {"part": part, "error": f"{type(error).__name__}: {error}"}
    return Finding("incomplete", f"part of the diagnosis failed: {part}", None, evidence)
