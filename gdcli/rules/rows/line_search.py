"""Gradient descent with a line search: the length of each step is looked for along the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from gdcli.rules.equations import Explained, Terms
from gdcli.rules.row import RuleRow, ScriptLines

if TYPE_CHECKING:
    from gdcli.codegen.by_hand import ByHand

_TRIALS = ("trial_steps", "trial_losses")


def _after(terms: Terms) -> tuple[str, str]:
    return "after", f"before - step * {'(-gradient)' if terms.get('maximize') else 'gradient'}"


def _tried(terms: Terms) -> str:
    """The trials in words, the first and the last of many."""
    pairs = list(zip(terms["trial_steps"], terms["trial_losses"], strict=True))
    shown = [f"{step:.6g}: loss {loss:.6g}" for step, loss in pairs]
    shown = shown if len(shown) <= 8 else [*shown[:4], "...", *shown[-3:]]
    return f"tried {', '.join(shown)}" if shown else "the gradient is 0, so no step is tried"


def _backtracking_equations(terms: Terms) -> Explained:
    equations = [("step", "lr * shrink**shrinks"), _after(terms)]
    return Explained(equations if terms["trial_steps"] else equations[1:], _tried(terms), _TRIALS)


def _exact_equations(terms: Terms) -> Explained:
    if "slope" in terms and terms["trial_steps"]:
        step = ("step", "lr * (slope / (slope - slope_at_lr))")
        return Explained([step, _after(terms)], "the slope along the gradient is linear", _TRIALS)
    note = f"golden section: {_tried(terms)}" if terms["trial_steps"] else _tried(terms)
    return Explained([_after(terms)], note, _TRIALS)


def _backtracking(s: ByHand) -> Sequence[str]:
    start, against = s.each_own("start"), s.each_own("g")
    slope, before, shrinks = s.own("slope"), s.own("before"), s.own("shrinks")
    shrunk, same, f = s.own("shrunk"), s.own("same"), s.loss_function
    sign = "-" if s.settings.maximize else ""
    equal = [f"torch.equal({v.x}, {start[v.name]})" for v in s.variables]
    joined = equal[0] if len(equal) == 1 else f"all([{', '.join(equal)}])"
    return [
        *_start(s),
        *_slope(s, slope),
        f"{before}, {shrinks} = {sign}{f}().item(), 0",
        f"while {slope} != 0:  # Armijo: shrink until the loss decreases enough",
        f"    {shrunk} = {s.number('shrink')}**{shrinks}",
        *(f"    {v.x}.copy_({start[v.name]} - {s.rate(v)} * {shrunk} * {against[v.name]})" for v in s.variables),
        f"    {same} = {joined}",
        f"    if {same} or {sign}{f}().item() <= {before} + {s.number('c1')} * {shrunk} * {slope}:",
        "        break",
        f"    {shrinks} += 1",
        f"if {slope} != 0 and {same}:",
        "    break  # no step along the gradient lowers the loss",
    ]


_GOLDEN_SECTION = """\
def {name}(loss_at, precision):  # a minimum along the line, or None
    ratio, high = (math.sqrt(5) - 1) / 2, 1.0
    before, loss = loss_at(0.0), loss_at(high)
    last = before
    while loss < last and high < 1e20:
        high /= ratio
        last, loss = loss, loss_at(high)
    if loss < last:
        return None
    low, a, b = 0.0, high - ratio * high, ratio * high
    at_a, at_b = loss_at(a), loss_at(b)
    for _ in range(100):
        if high - low <= precision * high:
            break
        if at_b < at_a:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = loss_at(b)
        else:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = loss_at(a)
    s, lowest = (b, at_b) if at_b < at_a else (a, at_a)
    return s if lowest < before else None
"""


def _exact_functions(s: ByHand) -> Sequence[Sequence[str]]:
    start, against = s.each_own("start"), s.each_own("g")
    go, look, place, value, slopes = s.own("go"), s.own("look"), s.own("s"), s.own("value"), s.own("slopes")
    sign = "-" if s.settings.maximize else ""
    products = [
        f"{s.rate(v)} * ({sign}{slopes}[{k}] * {against[v.name]}).sum().item()" for k, v in enumerate(s.variables)
    ]
    s.script.printer.modules.add("math")
    return [
        [
            f"def {go}({place}):  # move along the gradient, in units of lr",
            "    with torch.no_grad():",
            *(f"        {v.x}.copy_({start[v.name]} - {s.rate(v)} * {place} * {against[v.name]})" for v in s.variables),
        ],
        [
            f"def {look}({place}):  # the loss there, and its slope along the line",
            f"    {go}({place})",
            f"    {value} = {s.loss_function}()",
            f"    {slopes} = torch.autograd.grad(",
            f"        {value}, [{', '.join(v.x for v in s.variables)}]{s.zeros_for_none}",
            "    )",
            *_negative_sum(f"    {slopes} =", products),
            f"    return {sign}{value}.item(), {slopes}",
        ],
        _GOLDEN_SECTION.rstrip().format(name=s.own("golden_section")).split("\n"),
    ]


def _negative_sum(head: str, terms: Sequence[str]) -> list[str]:
    """``head -(a + b)``, a line for each term where there are several."""
    if len(terms) == 1:
        return [f"{head} -{terms[0]}"]
    indent = " " * (len(head) - len(head.lstrip()))
    rest = [f"{indent}    + {term}" for term in terms[1:]]
    return [f"{head} -(", f"{indent}    {terms[0]}", *rest, f"{indent})"]


def _slope(s: ByHand, name: str) -> list[str]:
    """The slope of the loss along the line at its start."""
    against = s.each_own("g")
    return _negative_sum(f"{name} =", [f"{s.rate(v)} * ({against[v.name]}**2).sum().item()" for v in s.variables])


def _start(s: ByHand) -> list[str]:
    """The place and the gradient that the line goes through."""
    start, against = s.each_own("start"), s.each_own("g")
    return [
        line
        for v in s.variables
        for line in (f"{start[v.name]} = {v.x}.detach().clone()", f"{against[v.name]} = {s.whole_gradient(v)}")
    ]


def _exact(s: ByHand) -> Sequence[str]:
    look, place, precision = s.own("look"), s.own("s"), s.own("precision")
    first, second = s.own("slope"), s.own("slope_at_lr")
    return [
        *_start(s),
        *_slope(s, first),
        f"{precision} = torch.finfo(torch.{s.script.dtype(s.variables[0].name)}).eps ** 0.5",
        f"if {first} != 0:",
        f"    {second}, {place} = {look}(1.0)[1], None",
        f"    if {second} > {first}:  # the slope of a quadratic is linear, 0 here:",
        f"        {place} = {first} / ({first} - {second})",
        f"    if {place} is None or not abs({look}({place})[1]) <= {precision} * abs({first}):",
        f"        {place} = {s.own('golden_section')}(lambda {place}: {look}({place})[0], {precision})",
        f"    if {place} is None:",
        "        break  # no step length is optimal",
        f"    {s.own('go')}({place})",
    ]


ROWS = (
    RuleRow(
        name="manual-backtracking",
        made_by="gdcli.rules.line_search.Backtracking",
        parameters=MappingProxyType({"maximize": False, "c1": 1e-4, "shrink": 0.5}),
        between={"c1": (0.0, 1.0), "shrink": (0.0, 1.0)},
        lr=1.0,
        formula="x -= s * g;  where s is the first lr * shrink**k, k = 0, 1, 2, ..., with "
        "f(x - s * g) <= f(x) - c1 * s * sum(g**2)",
        source="Armijo (1966), Minimization of functions having Lipschitz continuous first partial derivatives; "
        "Nocedal and Wright (2006), algorithm 3.1",
        equations=_backtracking_equations,
        script=ScriptLines(step=_backtracking),
        remembers=False,
        elementwise=False,
        evaluates=True,
    ),
    RuleRow(
        name="manual-exact",
        made_by="gdcli.rules.line_search.Exact",
        parameters=MappingProxyType({"maximize": False}),
        lr=1.0,
        formula="x -= s * g;  where s > 0 is a minimum of f(x - s * g): from its slopes at 0 and lr if it is "
        "quadratic, else by golden section search",
        source="Cauchy (1847), Méthode générale pour la résolution des systèmes d'équations simultanées; Nocedal and "
        "Wright (2006), section 3.3; Kiefer (1953), Sequential minimax search for a maximum",
        equations=_exact_equations,
        script=ScriptLines(functions=_exact_functions, before_step=_exact),
        remembers=False,
        elementwise=False,
        evaluates=True,
    ),
)
