"""A function of Python in the place of the text of an expression: its name, its variables, its call. No torch here."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from inspect import Parameter
from typing import Any

from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.nodes import Argument, Call, Expression, Variable
from gdcli.lang.signature import Function
from gdcli.lang.signature import Parameter as ParameterOfRow

MARK = "@"
"""Before the name of a function that was given in Python, as before numbers that were; no expression begins with it."""
_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_MANY = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class GivenFunction(str):
    """What stands in the settings for a function: ``@f(x, y)``. A record has this text alone.

    ``name`` is that of the function; ``expression`` is its call as a tree of one node, and has the function;
    ``defaults`` are those of its variables.
    """

    name: str
    expression: Expression
    defaults: Mapping[str, Any]


def given_function(function: Callable[..., Any], given: Collection[str], wrt: Collection[str]) -> GivenFunction:
    """A function, whose variables are its parameters by their names.

    A parameter that has a default keeps it, and is no variable, unless ``given`` or ``wrt`` names it, or no other is
    one.

    Raises:
        GdcliError: for a function whose parameters are unknown, or have no names.
    """
    name = name_of(function)
    if isinstance(function, type):
        raise GdcliError("function", f"{name} is a class, not a function", f"give an object of it: {name}()")
    parameters = _parameters(function, name)
    used = _used(parameters, given, wrt)
    if not used:
        raise _without_names(function, name, parameters)
    variables = list(used)
    places = next((i for i, name in enumerate(used) if not _is_by_place(i, name, parameters)), len(used))
    return _call(function, name, variables, places, {k: d for k, d in used.items() if d is not Parameter.empty})


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function, without those of what it is defined in; of another object, that of its class."""
    if isinstance(function, functools.partial):
        return f"partial({name_of(function.func)})"
    name = getattr(function, "__name__" if inspect.isbuiltin(function) else "__qualname__", None)
    name = name or type(function).__qualname__
    return str(name).rpartition("<locals>.")[2]


def not_here(text: str) -> ExpressionError:
    """The error for the text of a record that stands for a function."""
    message = f"{text.removeprefix(MARK)} was a function of Python: a record has its name, and not its code"
    hint = "give the function again in Python, such as gdcli.minimize(f, x=1), or write its expression"
    return ExpressionError("function", message, hint, source=text, span=(0, len(text)))


def needs_text(settings: Any, names: Sequence[str]) -> None:
    """Raise GdcliError for the first of these settings that is on, where the expression is a function."""
    if not isinstance(settings.expression, GivenFunction):
        return
    for name in names:
        if getattr(settings, name):
            message = f"'{name}' reads the text of an expression, but {settings.expression[1:]} is a function of Python"
            raise GdcliError("function", message, f"write it as an expression, or leave out '{name}'")


def _parameters(function: Callable[..., Any], name: str) -> Mapping[str, Parameter]:
    """The parameters of a function; of a module of PyTorch, those of its ``forward``."""
    forward = None if inspect.isroutine(function) else getattr(function, "forward", None)
    try:
        return inspect.signature(forward if callable(forward) else function).parameters
    except (TypeError, ValueError):
        message = f"Python does not know the parameters of {name}"
        raise GdcliError("function", message, f"name them: lambda x: {_callable_as(function)}(x)") from None


def _used(parameters: Mapping[str, Parameter], given: Collection[str], wrt: Collection[str]) -> dict[str, Any]:
    """The parameters that are variables, each with its default, in the order of a call."""
    single = {name: each for name, each in parameters.items() if each.kind not in _MANY}
    named = {*given, *wrt}
    used = [name for name, each in single.items() if each.default is Parameter.empty or name in named]
    used = used or [name for name, each in single.items() if _is_number(each.default)]
    last = max((i for i, name in enumerate(single) if name in used), default=-1)
    found = {}
    for i, (name, each) in enumerate(single.items()):
        if name in used or (each.kind is Parameter.POSITIONAL_ONLY and i < last):
            found[name] = each.default
    takes_more = any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values())
    return found | {name: Parameter.empty for name in given if takes_more and name not in single}


def _is_number(default: Any) -> bool:
    """Whether a default can be the value of a variable."""
    if isinstance(default, (list, tuple)):
        return bool(default) and all(map(_is_number, default))
    return not isinstance(default, bool) and (isinstance(default, (int, float)) or hasattr(default, "tolist"))


def _is_by_place(i: int, name: str, parameters: Mapping[str, Parameter]) -> bool:
    """Whether variable number ``i`` can be given by its place: all before it are given too."""
    return name in parameters and parameters[name].kind in _BY_PLACE and list(parameters).index(name) == i


def _callable_as(function: Callable[..., Any]) -> str:
    """How code calls a function, as far as its name says: ``torch.sin``; ``f`` where it has no name."""
    name = name_of(function)
    for module in ("torch", "torch.nn.functional", "math"):
        if name.isidentifier() and getattr(sys.modules.get(module), name, None) is function:
            return f"{module}.{name}"
    is_named = inspect.isroutine(function) and all(part.isidentifier() for part in name.split("."))
    return name if is_named else "f"


def _without_names(function: Callable[..., Any], name: str, parameters: Mapping[str, Parameter]) -> GdcliError:
    kinds = {each.kind: each for each in parameters.values()}
    if many := kinds.get(Parameter.VAR_POSITIONAL):
        message = f"{name} takes *{many.name}, so its variables have no names"
        return GdcliError("function", message, f"name them: lambda x, y: {_callable_as(function)}(x, y)")
    if many := kinds.get(Parameter.VAR_KEYWORD):
        return GdcliError("function", f"{name} takes **{many.name}, and no value is given", "for example: x=1")
    return GdcliError("function", f"{name} has no parameter that could be a variable", "for example: lambda x: x**2")


def _call(
    function: Callable[..., Any], name: str, variables: Sequence[str], places: int, defaults: Mapping[str, Any]
) -> GivenFunction:
    """The call of a function; the first ``places`` of its variables are given by their place, the others by name."""
    head = f"{MARK}{name}"
    text = GivenFunction(f"{head}({', '.join(variables)})")
    text.name = name
    row = Function(
        name=head, signature=", ".join(variables), help="", example="", path="", method=False, gradient="", form="pure",
        facts=(), other_names=(), also=(), methods=(), usual=head,
    )  # fmt: skip
    nodes = list(_placed(variables, len(head) + 1))
    arguments = tuple(
        Argument(ParameterOfRow(node.name, "tensor", required=True), node, by_keyword=i >= places)
        for i, node in enumerate(nodes)
    )
    root = Call(row, arguments, (0, len(text)), (0, len(head)))
    names = tuple(variables[places:])

    def by_name(*tensors: Any) -> Any:
        return function(*tensors[:places], **dict(zip(names, tensors[places:], strict=True)))

    text.expression = Expression(str(text), root, tuple(variables), function=by_name if names else function)
    text.defaults = defaults
    return text


def _placed(variables: Sequence[str], start: int) -> Iterator[Variable]:
    """The variables of a call at their places in its text."""
    for name in variables:
        yield Variable(name, (start, start + len(name)))
        start += len(name) + 2
