"""The values of variables: which are given, which are missing, and their parsed text. No torch here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec.structs import replace

from gdcli.errors import ExpressionError, GdcliError, MissingVariableError, UnknownVariableError
from gdcli.lang.arguments import FLOAT_DTYPES
from gdcli.lang.arrays import Array
from gdcli.lang.functions.rows import BOOL, WHOLE
from gdcli.lang.nodes import Call, Expression, Static, Variable, postorder
from gdcli.lang.suggest import did_you_mean, lookalike, variables_listed
from gdcli.lang.syntax import parse_value
from gdcli.lang.whole import names_in_places, typed

Bound: TypeAlias = Expression | Array
"""The value of a variable: a parsed text, or numbers."""


def bind(expressions: Sequence[Expression], values: Mapping[str, Any]) -> dict[str, Bound]:
    """The value of each variable of the expressions, in the order of their first appearance; texts are parsed.

    Raises:
        GdcliError: for a variable without a value, or a value without a variable.
        ExpressionError: for a value that cannot be read.
    """
    names = dict.fromkeys(name for expression in expressions for name in expression.variables)
    for expression in expressions:
        check_not_computed(expression, values)
    check_known(values, names)
    for expression in expressions:
        check_given(expression, values)
    return _read(expressions, {name: values[name] for name in names})


def _read(expressions: Sequence[Expression], values: Mapping[str, Any]) -> dict[str, Bound]:
    """The values, parsed, with the dtype of those that are indices or class labels."""
    places = {name: kind for expression in expressions for name, kind in names_in_places(expression).items()}
    own = {name: text for expression in expressions for name, text in expression.values.items() if name in places}
    uses = {name: others for expression in expressions for name, others in expression.uses.items()}
    found: dict[str, Bound] = {}
    for name, value in values.items():
        read = found[name] = read_value(name, value, uses.get(name, ()))
        if not isinstance(read, Array):
            in_program = parse_value(own[name], uses.get(name, ())) if name in own else None
            found[name] = replace(read, dtype=typed(name, read, places, in_program))
    return found


def bind_some(expression: Expression, values: Mapping[str, Any]) -> dict[str, Bound]:
    """The values of those variables that have one, in the order of the expression; the others come from a file.

    Raises:
        GdcliError: for a value without a variable.
        ExpressionError: for a value that cannot be read, and an expression that has no variables.
    """
    if not expression.variables:
        source, message = (
            expression.source,
            "the expression is constant: it has no variable to differentiate with respect to",
        )
        raise ExpressionError("constant", message, "for example: x**2", source=source, span=expression.place)
    check_not_computed(expression, values)
    check_known(values, expression.variables)
    return _read([expression], {name: values[name] for name in expression.variables if name in values})


def check_not_computed(expression: Expression, names: Iterable[str]) -> None:
    """Raise ExpressionError, at its place, for a name of a program that is none of its variables."""
    for name in names:
        found = next((each for each in expression.statements if each.name == name), None)
        if found is not None and name not in expression.variables:
            message, hint = f"'{name}' is computed by the program", variables_listed(expression.variables)
            raise ExpressionError("computed", message, hint, source=expression.source, span=found.span)


def check_known(given: Iterable[str], names: Iterable[str]) -> None:
    """Raise UnknownVariableError for a value that belongs to no variable, and GdcliError for one of a constant."""
    known = list(names)
    for name in given:
        if name not in known:
            hint = next(filter(None, (lookalike(name, [one]) or lookalike(one, [name]) for one in known)), "")
            hint = hint or did_you_mean(name, known) or variables_listed(known)
            raise UnknownVariableError(name, known, hint)


def check_given(expression: Expression, values: Mapping[str, Any]) -> None:
    """Raise ExpressionError, at its place, for a variable that has no value."""
    for node in postorder(expression.root):
        if isinstance(node, Variable) and node.name not in values:
            named = [*values, *re.findall(r"(?:^|[;\n])\s*(\w+)\s*=", expression.source)]
            hint = lookalike(node.name, values) or f"give it a value: --{node.name} 1"
            if expression.is_program and (meant := did_you_mean(node.name, named)):
                hint = f"{meant} If not, {hint}"
            raise MissingVariableError(node.name, hint, source=expression.source, span=node.span)


def is_whole(value: Bound) -> bool:
    """Whether a value is a tensor of whole numbers or truth values, as its dtype says."""
    if isinstance(value, Array):
        return value.is_whole or value.dtype == "bool"
    if value.dtype or not isinstance(value.root, Call):
        return value.dtype != ""
    if value.root.function.makes_a_tensor and value.root.function.gradient in (WHOLE, BOOL):
        return True
    dtypes = [
        a.value.value for a in value.root.arguments if isinstance(a.value, Static) and a.parameter.kind == "dtype"
    ]
    return bool(dtypes) and dtypes[0] not in (*FLOAT_DTYPES, None)


def read_value(name: str, value: Any, names: Collection[str] = ()) -> Bound:
    """The value of a variable, parsed: it is text, a number or nested lists. An array stays as it is.

    ``names`` are other variables that may stand in it.
    """
    if isinstance(value, Array):
        return value
    text = value if isinstance(value, str) else str(value)
    if not text.strip():
        raise GdcliError("empty", f"the variable '{name}' has an empty value", f"for example: --{name} 1")
    try:
        return parse_value(text, names)
    except ExpressionError as error:
        message = f"in the value of {name}: {error.message}"
        raise ExpressionError(error.code, message, error.hint, source=error.source, span=error.span) from None
