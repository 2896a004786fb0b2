"""The rates of a sweep that work, and the bound that theory gives beside them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gdcli.contract.figure import MapLine
from gdcli.contract.sweep import SweepAxis, Working
from gdcli.descent.curvature import largest_curvature
from gdcli.descent.diagnosis.theory import LinearRule, linear_rule
from gdcli.rules.parameters import rates_change

if TYPE_CHECKING:
    from gdcli.sweeps.sweep import Sweep


def working_rates(sweep: Sweep) -> list[Working]:
    """Where along each axis of rates at least half of the cells converge, and the bound of theory."""
    found = []
    for k, axis in enumerate(sweep.axes):
        if axis.kind in ("lr", "lr of a variable"):
            bound = bound_of(sweep) if axis.kind == "lr" else None
            rule = None if bound is None else _rule_on_axes(sweep, bound[0])
            is_fixed = not any(_is_momentum(other) for other in sweep.axes)
            found.append(
                Working(
                    axis=axis.name,
                    ranges=ranges(axis.numbers(), sweep.tally.shares(k)),
                    bound=rule.bound(bound[1]) if rule is not None and bound is not None and is_fixed else None,
                    formula="" if rule is None else rule.bound_text,
                    curvature=None if rule is None or bound is None else bound[1],
                )
            )
    return found


def ranges(numbers: list[float], share: list[float]) -> list[tuple[float, float]]:
    """The lowest and the highest of numbers that follow each other and have a share of at least half."""
    found: list[tuple[float, float]] = []
    goes_on = False
    for number, part in sorted(zip(numbers, share, strict=True)):
        if part >= 0.5:
            found = [*found[:-1], (found[-1][0], number)] if goes_on else [*found, (number, number)]
        goes_on = part >= 0.5
    return found


def bound_of(sweep: Sweep) -> tuple[LinearRule, float] | None:
    """The linear rule of a sweep, and the largest curvature at the minimum that most cells reach; None without them."""
    settings = sweep.descent
    rule = linear_rule(settings)
    if rule is None or settings.bound or settings.lrs or rates_change(settings) or sweep.grid.has_row_rates:
        return None
    minima, most = sweep.minima, sweep.tally.most_reached
    if most is None:
        return None
    if minima.kinds[most] not in ("minimum", "maximum"):
        return None
    point = minima.points[most]
    curvature = largest_curvature(sweep.problem_at(point))
    curvature = (-curvature if settings.maximize else curvature) + (settings.weight_decay or 0.0)
    return (rule, curvature) if math.isfinite(curvature) and curvature > 0 else None


def _is_momentum(axis: SweepAxis) -> bool:
    return axis.kind == "parameter" and axis.target in ("momentum", "dampening")


def _rule_on_axes(sweep: Sweep, rule: LinearRule) -> LinearRule | None:
    """The rule whose bound holds in all cells, each with its momentum; None where that is not one formula."""
    others = [axis for axis in sweep.axes if _is_momentum(axis)]
    if not others:
        return rule
    if any(axis.target == "dampening" for axis in others):
        return None
    return linear_rule(replace(sweep.descent, momentum=0.5))


def bound_lines(sweep: Sweep) -> list[MapLine]:
    """The bound of theory as a line in the map."""
    rates = [k for k, axis in enumerate(sweep.axes) if axis.kind == "lr"]
    if not rates or (found := bound_of(sweep)) is None:
        return []
    rule, curvature = found
    (k,) = rates
    low, high = min(sweep.axes[k].numbers()), max(sweep.axes[k].numbers())
    if len(sweep.axes) == 1:
        bound = rule.bound(curvature)
        return [MapLine(f"theory: {rule.bound_text}", [bound, bound], [])] if low <= bound <= high else []
    other = sweep.axes[1 - k]
    along = other.numbers()
    base = _rule_on_axes(sweep, rule)
    if base is None:
        return []
    rules = [replace(base, momentum=number) if _is_momentum(other) else base for number in along]
    pairs = sorted((number, each.bound(curvature)) for number, each in zip(along, rules, strict=True))
    ends = [pairs[0], pairs[-1]] if len({bound for _, bound in pairs}) == 1 else pairs
    numbers, bounds = [n for n, _ in ends], [b for _, b in ends]
    if max(bounds) < low or min(bounds) > high:
        return []
    return [MapLine(f"theory: {base.bound_text}", *((bounds, numbers) if k == 0 else (numbers, bounds)))]
