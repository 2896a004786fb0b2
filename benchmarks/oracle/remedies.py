"""Remedies: pasted after the command, and judged by what comes of it."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterator
from typing import Any

from oracle.predictions import first_below
from oracle.ran import Case, Document, Ran, document
from oracle.statement import Statement

_LOSS_AFTER = re.compile(r"loss (\S+) after ([\d,]+) steps?")
_STEPS = re.compile(r"(?:^|after )([\d,]+) steps?(?: to .*)?$")
_ROUNDINGS = 50


def remedies(finding: dict[str, Any], ran: Ran) -> Iterator[Statement]:
    """The statements that the remedies of a finding make."""
    given = finding.get("remedies") or [finding.get("remedy")]
    for remedy in given:
        if remedy is not None:
            yield from _judged(finding, remedy, ran)


def _judged(finding: dict[str, Any], remedy: dict[str, Any], ran: Ran) -> Iterator[Statement]:
    code, words = finding["code"], shlex.split(remedy["options"])
    pasted = (*ran.case.words, *words, "--no-diagnose")
    found = document(pasted)
    shown = f"{remedy['options']} ({remedy['effect']})"
    refused = found.code not in (0, 3)
    yield Statement(code, "remedy: the command takes it", not refused, f"{shown}: exit code {found.code}")
    if refused:
        return
    yield Statement(code, "remedy: not the settings in use", _changes(found, ran), shown)
    case = Case(pasted, ran.case.lowest)
    with_it = Ran(case, found)
    if with_it.settings["maximize"] == ran.settings["maximize"]:
        yield _not_worse(code, shown, with_it, ran)
        yield _moves(code, shown, with_it, ran)
    yield from _promises(finding, remedy, with_it, ran)


def _changes(found: Document, ran: Ran) -> bool:
    """Whether any setting is another than before."""
    extras = {"diagnose"}
    return any(value != ran.settings[name] for name, value in found.body["settings"].items() if name not in extras)


def _not_worse(code: str, shown: str, with_it: Ran, ran: Ran) -> Statement:
    """Whether it ends no higher than the run did with as many steps, or than the run began, where that diverged."""
    kind = "remedy: not worse than the run"
    end = with_it.last
    if with_it.failed:
        return Statement(code, kind, False, f"{shown}: it diverges")
    before = ran.first if ran.failed else ran.last
    limit = before.loss if before.is_finite else math.inf
    slack = (
        _ROUNDINGS * ran.eps * abs(limit) + 1e-3 * ran.eps * abs(ran.first.loss - limit) if math.isfinite(limit) else 0
    )
    return Statement(code, kind, end.loss <= limit + slack, f"{shown}: loss {end.loss:.6g}, without it {limit:.6g}")


def _moves(code: str, shown: str, with_it: Ran, ran: Ran) -> Statement:
    """Whether it gets anywhere: no rate so small that it stands still."""
    first, last = ran.first, with_it.last
    far = float((last.x - first.x).norm()) > 1e-6 * (1 + float(first.x.norm()))
    lower = first.loss - last.loss > 1e-6 * abs(first.loss)
    return Statement(code, "remedy: it gets somewhere", far or lower or not first.is_finite, shown)


def _promises(finding: dict[str, Any], remedy: dict[str, Any], with_it: Ran, ran: Ran) -> Iterator[Statement]:
    """What its effect says, and its fields ``loss`` and ``arrives``."""
    code, effect = finding["code"], remedy["effect"]
    shown = f"{remedy['options']} ({effect})"
    goal = ran.goal(finding)
    if match := _LOSS_AFTER.search(effect):
        said, steps = float(match[1].rstrip(",;")), int(match[2].replace(",", ""))
        states = with_it.states if steps <= with_it.last.iteration else list(with_it.again(min(steps, with_it.most)))
        at = next((state for state in states if state.iteration == steps), None)
        loss = math.nan if at is None else with_it.f.sign * at.loss
        holds = math.isclose(loss, said, rel_tol=0.01, abs_tol=1e-30)
        yield Statement(code, "remedy: the loss that it promises", holds, f"{shown}: loss {loss:.6g}")
    elif match := _STEPS.search(effect):
        steps = int(match[1].replace(",", ""))
        reached, seen = first_below(with_it, goal, min(3 * steps + 3, with_it.most))
        holds = reached is not None and reached <= 1.1 * steps + 1
        took = f"took {reached}" if reached is not None else f"not there after {seen:,}"
        yield Statement(code, "remedy: the steps that it promises", holds, f"{shown}: {took}")
    elif effect == "the steps continue":
        lower = with_it.last.loss < ran.last.loss or with_it.last.slope < 0.5 * ran.last.slope
        yield Statement(code, "remedy: the steps continue", lower, f"{shown}: loss {with_it.last.loss:.6g}")
    if remedy.get("loss") is not None:
        loss = with_it.f.sign * with_it.last.loss
        holds = math.isclose(loss, remedy["loss"], rel_tol=1e-5, abs_tol=1e-30)
        yield Statement(code, "remedy: its field loss", holds, f"{shown}: {remedy['loss']}, is {loss}")
    if "arrives" in remedy:
        below = (state.iteration for state in with_it.states if state.slope <= goal * (1 + 1e-6))
        reached = next(below, None) if goal > 0 else None
        holds = reached == remedy["arrives"]
        yield Statement(code, "remedy: its field arrives", holds, f"{shown}: {remedy['arrives']}, is {reached}")
