"""All statements that a command makes about its run, judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from oracle import causes_place, causes_rate, causes_turning
from oracle.causes_rate import CAUSE, Judged
from oracle.predictions import predictions
from oracle.ran import Case, Ran, document
from oracle.remedies import remedies
from oracle.statement import Statement
from oracle.whole import SILENT, whole

CAUSES: Mapping[str, Callable[[dict[str, Any], Ran], Iterator[Judged]]] = {
    "learning-rate-too-large": causes_rate.too_large,
    "momentum-too-large": causes_rate.momentum_too_large,
    "slow": causes_rate.slow,
    "rate": causes_rate.rate,
    "badly-scaled": causes_rate.badly_scaled,
    "zig-zag": causes_turning.zig_zag,
    "oscillating": causes_turning.oscillating,
    "cycling": causes_turning.cycling,
    "kink": causes_turning.kink,
    "saddle": causes_place.saddle,
    "vanishing-gradient": causes_place.vanishing_gradient,
    "local-minimum": causes_place.local_minimum,
    "stationary": causes_place.stationary,
    "float-floor": causes_place.float_floor,
    "held": causes_place.held,
    "unbounded": causes_place.unbounded,
    "no-minimum": causes_place.no_minimum,
    "not-finite": causes_place.not_finite,
    "dead-relu": causes_place.dead_relu,
    "uphill": causes_place.uphill,
    "overflow-recovered": causes_place.overflow_recovered,
    "broadcast": causes_place.broadcast,
    "unexplained": causes_place.unexplained,
}
"""The check of the cause that a finding names, by its code; a code without one is not judged."""


def judge(case: Case) -> list[Statement]:
    """Run a command, and judge what it says; nothing where the command is refused."""
    found = document(case.words)
    if found.body["status"] == "error":
        return [Statement("(run)", "refused", None, found.body["message"])]
    return list(statements(Ran(case, found)))


def statements(ran: Ran) -> Iterator[Statement]:
    """The statements about a run, judged."""
    for finding in ran.findings:
        code = finding["code"]
        if code in SILENT:
            continue
        if (check := CAUSES.get(code)) is None:
            yield Statement(code, CAUSE, None, "not judged")
        else:
            yield from (Statement(code, *each) for each in check(finding, ran))
        yield from predictions(finding, ran)
        yield from remedies(finding, ran)
    yield from whole(ran)
