"""The functions that a program defines: ``def f(x, k=2): ...`` and ``f = lambda x: ...``."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from msgspec import Struct

from gdcli.lang.lines import Line
from gdcli.lang.nodes import Node, Span
from gdcli.lang.suggest import did_you_mean
from gdcli.lang.syntax import Reader


class Function(Struct, frozen=True):
    """A function: its parameters with their defaults, and the statements of its body.

    The body of a lambda is the one expression at ``result``.
    """

    name: str
    parameters: Mapping[str, Node | None]
    body: Sequence[Line]
    result: Span | None
    span: Span


def body_of(source: str, lines: Sequence[Line], at: int, start: int) -> list[Line]:
    """The statements of the definition in a line: those behind its colon, which ends at ``start``, or those below."""
    (_, end), indent = lines[at].span, lines[at].indent
    following = lines[at + 1 :]
    if not source[start:end].strip():
        below = next((k for k, line in enumerate(following) if line.indent <= indent), len(following))
        return list(following[:below])
    first = start + len(source[start:end]) - len(source[start:end].lstrip())
    beside = next((k for k, line in enumerate(following) if "\n" in source[end : line.span[0]]), len(following))
    return [Line((first, end), indent + 1), *(Line(line.span, indent + 1) for line in following[:beside])]


def defined(reader: Reader, head: str, offset: int, body: Sequence[Line], result: Span | None, span: Span) -> Function:
    """The function whose head is this text, which stands at ``offset`` in the source.

    Raises:
        ExpressionError: for a head that is not valid, or has ``*`` parameters.
    """
    try:
        (definition,) = ast.parse(head).body
    except SyntaxError:
        definition = None
    if not isinstance(definition, ast.FunctionDef):
        hint = "write def f(x): return x**2"
        reader.fail("syntax", "this is not a valid definition of a function", span, hint)
    arguments = definition.args
    if arguments.vararg or arguments.kwarg:
        reader.fail("statement", "a function of a program takes no * arguments", span, "name each parameter")
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    parameters: dict[str, Node | None] = dict.fromkeys(positional)
    defaults = dict(zip(reversed(positional), reversed(arguments.defaults), strict=False))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        parameters[argument.arg] = None
        if default is not None:
            defaults[argument.arg] = default
    start, reader.start = reader.start, offset
    parameters |= {name: reader.node(default) for name, default in defaults.items()}
    reader.start = start
    return Function(definition.name, parameters, body, result, span)


def arguments_of(reader: Reader, function: Function, call: ast.Call) -> dict[str, Node]:
    """The value of each parameter in a call.

    Raises:
        ExpressionError: for too many arguments, unknown names, or missing ones.
    """
    names = list(function.parameters)
    if len(call.args) > len(names):
        takes = f"{len(names)} argument{'s' * (len(names) != 1)}"
        message = f"{function.name} takes {takes}, but {len(call.args)} were given"
        reader.fail("arity", message, call.args[len(names)])
    found = {name: reader.node(argument) for name, argument in zip(names, call.args, strict=False)}
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg not in names:
            hint = did_you_mean(keyword.arg or "", names)
            reader.fail("arity", f"{function.name} has no argument '{keyword.arg or '**'}'", keyword, hint)
        if keyword.arg in found:
            reader.fail("arity", f"{function.name} got multiple values for the argument '{keyword.arg}'", keyword)
        found[keyword.arg] = reader.node(keyword.value)
    for name, default in function.parameters.items():
        if name not in found and default is None:
            reader.fail("arity", f"{function.name} needs the argument '{name}'", call)
        if name not in found and default is not None:
            found[name] = default
    return {name: found[name] for name in names}
