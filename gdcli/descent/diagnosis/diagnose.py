"""All findings about a run, the most important first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gdcli.descent.diagnosis.origin import not_finite
from gdcli.descent.diagnosis.places import float_floor, saddle, vanishing_gradient
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.speed import crawling, speed
from gdcli.descent.diagnosis.too_large import falls_without_bound, learning_rate_too_large
from gdcli.descent.diagnosis.turning import turning
from gdcli.results import Finding, StopReason

Finder = Callable[[Run], Finding | None]

# What is already explained by an earlier finding.
_EXPLAINS = {
    "learning-rate-too-large": {"oscillating", "zig-zag", "slow", "rate", "vanishing-gradient"},
    "oscillating": {"slow"},
    "zig-zag": {"slow"},
    "slow": {"slow"},
    "rate": {"slow"},
    "dead-relu": {"vanishing-gradient", "saddle", "oscillating", "slow", "rate"},
    "saddle": {"vanishing-gradient", "slow", "rate"},
    "vanishing-gradient": {"slow", "rate", "float-floor"},
}
_FINDERS: tuple[Finder, ...] = (
    falls_without_bound,
    learning_rate_too_large,
    not_finite,
    saddle,
    vanishing_gradient,
    turning,
    speed,
    crawling,
    float_floor,
)


def diagnose(run: Run, own: Sequence[Finder] = ()) -> list[Finding]:
    """The findings; ``own`` are finders of one kind of descent. It never raises: what fails is said to have failed."""
    findings: list[Finding] = []
    if run.reason is StopReason.NO_GRADIENT:
        return findings
    for find in (*own, *_FINDERS):
        try:
            found = find(run)
        except Exception as error:  # noqa: BLE001 -- a run that has ended well must not fail here
            evidence = {"part": find.__name__, "error": f"{type(error).__name__}: {error}"}
            findings.append(Finding("incomplete", f"a part of the diagnosis failed: {find.__name__}", None, evidence))
            continue
        explained = {code for each in findings for code in _EXPLAINS.get(each.code, ())}
        if found is not None and found.code not in explained:
            findings.append(found)
    findings.sort(key=lambda each: each.code == "incomplete")
    if run.gaps:
        findings.append(Finding("no-curvature", f"no curvature: {run.gaps[0]}", None, {"reasons": run.gaps}))
    return findings
