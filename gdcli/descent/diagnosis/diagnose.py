"""All findings about a run, the most important first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gdcli.contract.descent import StopReason
from gdcli.contract.diagnosis import Finding
from gdcli.descent.diagnosis.origin import not_finite
from gdcli.descent.diagnosis.places import float_floor, saddle, vanishing_gradient
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.speed import crawling, speed
from gdcli.descent.diagnosis.too_large import falls_without_bound, learning_rate_too_large
from gdcli.descent.diagnosis.turning import turning
from gdcli.descent.diagnosis.uphill import uphill

Finder = Callable[[Run], Finding | None]

# What is already explained by an earlier finding.
_EXPLAINS = {
    "learning-rate-too-large": {"oscillating", "zig-zag", "slow", "rate", "vanishing-gradient"},
    "oscillating": {"slow"},
    "zig-zag": {"slow"},
    "slow": {"slow"},
    "rate": {"slow"},
    "momentum-too-large": {"oscillating", "zig-zag", "slow", "rate", "vanishing-gradient"},
    "dead-relu": {"vanishing-gradient", "saddle", "oscillating", "slow", "rate"},
    "uphill": {"oscillating", "zig-zag", "slow"},
    "saddle": {"vanishing-gradient", "slow", "rate"},
    "vanishing-gradient": {"slow", "rate", "float-floor"},
}
# With the codes of what they find.
_FINDERS: tuple[tuple[Finder, frozenset[str]], ...] = (
    (falls_without_bound, frozenset(["unbounded"])),
    (learning_rate_too_large, frozenset(["learning-rate-too-large", "momentum-too-large"])),
    (not_finite, frozenset(["not-finite"])),
    (uphill, frozenset(["uphill"])),
    (saddle, frozenset(["saddle"])),
    (vanishing_gradient, frozenset(["vanishing-gradient"])),
    (turning, frozenset(["zig-zag", "oscillating"])),
    (speed, frozenset(["slow", "rate"])),
    (crawling, frozenset(["slow"])),
    (float_floor, frozenset(["float-floor"])),
)


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
    findings.sort(key=lambda each: each.code == "incomplete")
    if run.gaps:
        findings.append(
            Finding("no-curvature", f"the curvature is not available: {run.gaps[0]}", None, {"reasons": run.gaps})
        )
    return findings


def _incomplete(part: str, error: Exception) -> Finding:
    evidence = {"part": part, "error": f"{type(error).__name__}: {error}"}
    return Finding("incomplete", f"part of the diagnosis failed: {part}", None, evidence)
