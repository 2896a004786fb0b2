"""What each command does when little is said: the notebook's own examples; and what must be there before a run.

No torch here, so that everything that is wrong with the words of a command is found before torch is imported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from msgspec.structs import replace

from gdcli.catalogue import RULES
from gdcli.contract.compare import CompareSettings
from gdcli.contract.descent import FitLinearSettings, MinimizeSettings
from gdcli.contract.grad import GradSettings
from gdcli.contract.ops import OpsSettings
from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.nodes import Expression
from gdcli.lang.suggest import closest, did_you_mean
from gdcli.lang.syntax import parse
from gdcli.lang.values import bind, bind_some

OPS_EXPRESSIONS = [
    *["a", "b", "a * b", "a + b", "a - b", "a / b", "a//b", "a**b", "a > b", "a==b"],
    *["torch.add(a, b)", "torch.mul(a, b)", "torch.sub(a, b)"],
]
OPS_VALUES = {"a": "[1, 2, 3.0, 4, 5]", "b": "arange(5, 10)"}
GRAD_EXPRESSION = "log(x**2 + y**2)"
GRAD_VALUES = {"x": "15", "y": "24"}
GRAD_WRT = ["x"]  # y has no requires_grad in the notebook
MINIMIZE_EXPRESSION = "(x - 1.5)**2"
MINIMIZE_VALUES = {"x": "4"}
FIT_LINEAR_VALUES = {"W": "rand(3, 4)", "x": "arange(4)", "target": "[1, 1.2, 1.4]"}
_TORCH_ACTIVATIONS = ("relu", "sigmoid", "tanh")

_ITERATION = re.compile("0|[1-9][0-9]{0,12}")
_FACTOR_EXAMPLE = "for example: --lr-factor 50=0.5"
_PROBLEM_NAME = re.compile("[A-Za-z][A-Za-z0-9-]+")

if TYPE_CHECKING:
    from gdcli.lang.problems.problem import Instance

P = TypeVar("P", MinimizeSettings, CompareSettings)


def complete_ops(settings: OpsSettings) -> OpsSettings:
    """With the notebook's expressions when there are none, and its a and b where they are used and not given.

    Raises:
        GdcliError: for a value that is missing, superfluous or cannot be read.
    """
    expressions = settings.expressions or OPS_EXPRESSIONS
    parsed = parsed_rows(expressions)
    used = {name for expression in parsed for name in expression.variables}
    defaults = {name: value for name, value in OPS_VALUES.items() if name in used}
    settings = replace(settings, expressions=expressions, values={**defaults, **settings.values})
    bind(parsed, settings.values)
    return settings


def parsed_rows(expressions: Iterable[str]) -> list[Expression]:
    """Those of the expressions that can be parsed; what is wrong with the others will stand in their rows."""
    parsed = []
    for text in expressions:
        try:
            parsed.append(parse(text))
        except ExpressionError:
            continue
    return parsed


def complete_grad(settings: GradSettings) -> GradSettings:
    """With the notebook's example when there is no expression, and ``wrt`` spelled out.

    Raises:
        GdcliError: for an expression, a value or a name in ``wrt`` that does not fit.
    """
    if settings.latex:
        settings = replace(settings, symbolic=True)
    check_alone(settings)
    if not settings.expression:
        values = settings.values if settings.points else {**GRAD_VALUES, **settings.values}
        settings = replace(settings, expression=GRAD_EXPRESSION, values=values, wrt=settings.wrt or GRAD_WRT)
    return replace(settings, wrt=moving_variables(settings.expression, settings))


def check_alone(settings: GradSettings) -> None:
    """Raise GdcliError for many points together with what explains one of them."""
    for many in ("each", "points"):
        for other in ("each", "explain", "symbolic", "hessian", "jacobian", "check"):
            if getattr(settings, many) and getattr(settings, other) and other != many:
                hint = "keep one of them" if other == "each" else f"{other} is about one point"
                raise GdcliError("usage", f"'{many}' and '{other}' cannot both be asked for", hint)


def complete_minimize(settings: MinimizeSettings) -> MinimizeSettings:
    """With the notebook's example when there is no expression, and ``wrt`` spelled out.

    Raises:
        GdcliError: for an expression, a value or a name in ``wrt`` that does not fit.
    """
    settings = complete_problem(settings, "minimize")
    if not settings.expression:
        settings = replace(settings, expression=MINIMIZE_EXPRESSION, values={**MINIMIZE_VALUES, **settings.values})
    settings = replace(settings, wrt=moving_variables(objective_of(settings), settings), lr=_rate(settings))
    check_rule(settings, settings.wrt)
    return settings


def complete_problem(settings: P, command: str) -> P:
    """With the start of the problem of the catalogue, when the settings name one.

    Raises:
        GdcliError: for a dimension without a problem, or a name that is nearly that of a problem.
    """
    problem = problem_of(settings)
    if problem is not None:
        return replace(settings, values={**problem.start, **settings.values})
    if settings.dim is not None:
        hint = f"name one, for example: gdcli {command} rosenbrock --dim {settings.dim}"
        raise GdcliError("usage", "dim is the dimension of a problem of the catalogue, and there is none", hint)
    word = settings.expression
    problems = None if "-" in word or word in settings.values else _problems(word)
    if problems is not None and closest(word, problems.PROBLEMS) is not None:
        problems.find(word)  # says that there is none, and which is near
    return settings


def _problems(word: str) -> Any:
    """The module of the catalogue, where a word can be a name in it; any other expression need not load it."""
    if not _PROBLEM_NAME.fullmatch(word):
        return None
    from gdcli.lang import problems

    return problems


def problem_of(settings: MinimizeSettings | CompareSettings) -> Instance | None:
    """The problem of the catalogue that the settings name, or None when their expression is one.

    Raises:
        GdcliError: for a dimension that the problem does not have.
    """
    problems = _problems(settings.expression)
    problem = problems.PROBLEMS.get(settings.expression) if problems else None
    return None if problem is None else problem.instantiate(settings.dim)


def objective_of(settings: MinimizeSettings | CompareSettings) -> str:
    """The expression to minimize: the one given, or that of the problem that is named."""
    problem = problem_of(settings)
    return settings.expression if problem is None else problem.expression


def complete_fit_linear(settings: FitLinearSettings) -> FitLinearSettings:
    """With the notebook's values where none are given.

    Raises:
        GdcliError: for a value that does not fit.
    """
    settings = replace(settings, values={**FIT_LINEAR_VALUES, **settings.values}, lr=_rate(settings))
    bind([parse(loss_expression(settings.activation))], settings.values)
    check_rule(settings, ["W"])
    return settings


def loss_expression(activation: str) -> str:
    """The objective of fit-linear as the notebook writes it, in gdcli's own language."""
    z = "W.matmul(x)"
    prefix = "torch." if activation in _TORCH_ACTIVATIONS else "F."
    y = z if activation == "none" else f"{prefix}{activation}({z})"
    return f"torch.sum(({y} - target)**2)"


def _rate(settings: MinimizeSettings | FitLinearSettings) -> float | Literal["auto"]:
    """The learning rate: the given one, or that of the rule."""
    return RULES[settings.optimizer].lr if settings.lr is None else settings.lr


def check_rule(settings: MinimizeSettings | FitLinearSettings, wrt: list[str]) -> None:
    """Raise GdcliError for options of the update that do not go together, or name what does not move."""
    listed = f"the variables are {', '.join(wrt)}"
    for name in settings.lrs:
        if name not in wrt:
            message = f"--lr.{name} is for a variable, and there is no '{name}' that moves"
            raise GdcliError("lr", message, listed)
    _check_factors(settings.lr_factor)
    for name, (low, high) in settings.bound.items():
        if name not in wrt:
            raise GdcliError("bound", f"there is no variable '{name}' to bound", listed)
        if low is not None and high is not None and low > high:
            message = f"the lower bound of {name}, {low:g}, is above the upper one, {high:g}"
            raise GdcliError("bound", message, f"for example: --bound {name}={high:g}:{low:g}")
    if isinstance(settings, MinimizeSettings) and settings.update == "rebind" and settings.optimizer != "manual":
        message = f"{settings.optimizer} always updates in place, so there is nothing to rebind"
        raise GdcliError("optimizer", message, "leave out --update or use --optimizer manual")
    if settings.optimizer == "lbfgs" and (settings.clip_norm or settings.clip_value):
        message = "lbfgs looks at gradients of its own inside a step, and these would not be clipped"
        raise GdcliError("optimizer", message, "leave out the clipping, or choose another rule")


def _check_factors(factors: Mapping[str, float]) -> None:
    """Raise GdcliError for a factor of the learning rate that belongs to no iteration, or is not finite."""
    for iteration, factor in factors.items():
        if not _ITERATION.fullmatch(iteration):
            message = f"lr_factor belongs to an iteration, a whole number of at least 0, not '{iteration}'"
            raise GdcliError("lr-factor", message, _FACTOR_EXAMPLE)
        if not math.isfinite(factor):
            raise GdcliError("lr-factor", f"the factor from iteration {iteration} on is not finite", _FACTOR_EXAMPLE)


def moving_variables(text: str, settings: GradSettings | MinimizeSettings | CompareSettings) -> list[str]:
    """The names to differentiate by, after a check of the expression and its values.

    Raises:
        GdcliError: for an expression, a value or a name in ``wrt`` that does not fit.
    """
    expression = parse(text)
    if isinstance(settings, GradSettings) and settings.points:
        bind_some(expression, settings.values)
    else:
        bind([expression], settings.values)
    if not expression.variables:
        message = "the expression is a constant: it has no variable to differentiate"
        source = expression.source
        raise ExpressionError("constant", message, "for example: x**2", source=source, span=(0, len(source)))
    for name in settings.wrt:
        if name not in expression.variables:
            listed = ", ".join(expression.variables)
            hint = did_you_mean(name, expression.variables) or f"the variables are {listed}"
            raise GdcliError("wrt", f"wrt names '{name}', and that is no variable of the expression", hint)
    return [name for name in expression.variables if name in settings.wrt] or list(expression.variables)
