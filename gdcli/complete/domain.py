"""The domain from which starts are drawn: that of the problem, or the given one."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from gdcli.complete.problem import expression_of, problem_of
from gdcli.complete.sources import given, stays
from gdcli.contract.compare import CompareSettings
from gdcli.contract.short import exactly
from gdcli.errors import GdcliError
from gdcli.lang.parsing import parse
from gdcli.lang.suggest import did_you_mean

Ends = tuple[float | None, float | None]


def with_domain(settings: CompareSettings) -> CompareSettings:
    """With the domain of the problem, and a shape for each variable that is drawn: a scalar by default.

    Raises:
        GdcliError: for a domain of an unknown variable, one that is not an interval, or a missing one.
    """
    problem = problem_of(settings)
    variables = parse(expression_of(settings), (*settings.values, *settings.wrt)).variables
    usual = {} if problem is None else {name: (float(low), float(high)) for name, (low, high) in problem.domain.items()}
    domain: dict[str, Ends] = {**usual, **settings.domain}
    for name, ends in domain.items():
        _check_interval(name, ends, variables)
    settings = replace(settings, domain=domain)
    if not settings.starts:
        return settings
    middle: dict[str, float] = {}
    values = given(settings)
    for name in variables:
        if (settings.wrt and name not in settings.wrt) or (not settings.wrt and stays(values.get(name))):
            continue
        if name not in domain:
            message = f"no domain is given to draw the starts of {name} from"
            raise GdcliError("domain", message, f"give one: --domain {name}=-2:2")
        low, high = interval(settings, name)
        _check_inside(name, low, high, settings.bound.get(name, (None, None)))
        middle[name] = (low + high) / 2
    return replace(settings, values={**middle, **settings.values})


def interval(settings: CompareSettings, name: str) -> tuple[float, float]:
    """Both ends of the domain of a variable, in settings whose domain has been checked."""
    low, high = settings.domain[name]
    if low is None or high is None:
        raise RuntimeError(f"the domain of {name} has not been checked")
    return low, high


def _check_interval(name: str, ends: Ends, variables: Collection[str]) -> None:
    low, high = ends
    if name not in variables:
        hint = did_you_mean(name, variables) or f"the variables are {', '.join(variables)}"
        raise GdcliError("domain", f"the domain names '{name}', which is not a variable of the expression", hint)
    if low is None or high is None:
        message = f"the domain of {name} needs both ends"
        raise GdcliError("domain", message, f"for example: --domain {name}=-2:2")
    if low > high:
        message = f"the lower end of the domain of {name}, {exactly(low)}, is above the upper end, {exactly(high)}"
        raise GdcliError("domain", message, f"for example: --domain {name}={exactly(high)}:{exactly(low)}")


def _check_inside(name: str, low: float, high: float, bounds: Ends) -> None:
    """Raise GdcliError when starts would be drawn outside the bounds of a variable."""
    least, greatest = bounds
    if (least is not None and low < least) or (greatest is not None and high > greatest):
        message = f"the starts of {name} are drawn from {exactly(low)}:{exactly(high)}, which is not within its bounds"
        ends = max(low, low if least is None else least), min(high, high if greatest is None else greatest)
        smaller = f"--domain {name}={':'.join(map(exactly, ends))}" if ends[0] <= ends[1] else ""
        hint = f"make the domain smaller: {smaller}" if smaller else "choose bounds that overlap the domain"
        raise GdcliError("bound", message, hint)
