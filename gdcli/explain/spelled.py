"""A tree as text of the language in its variables alone: what names stand for is written in their places."""

from __future__ import annotations

from gdcli.lang.nodes import (
    Application,
    Argument,
    Attribute,
    Binary,
    Call,
    Index,
    IndexItem,
    ListOf,
    Node,
    Number,
    Reference,
    Static,
    Unary,
    Variable,
    children,
    postorder,
)

MOST = 2_000
"""Characters of a text; what would be longer is not written."""


def spelled(root: Node) -> str | None:
    """The text of a tree; None where it would be too long, as it can be where a name is used many times."""
    texts: dict[int, str | None] = {}
    for node in postorder(root):
        below = {id(child): texts[id(child)] for child in children(node)}
        known = {key: text for key, text in below.items() if text is not None}
        text = _text(node, known) if len(known) == len(below) else None
        texts[id(node)] = text if text is not None and len(text) <= MOST else None
    return texts[id(root)]


def _text(node: Node, below: dict[int, str]) -> str:
    match node:
        case Number(value=value):
            return repr(value)
        case Variable(name=name):
            return name
        case Reference(value=value) | Application(value=value):
            return below[id(value)]
        case ListOf(items=items):
            return f"[{', '.join(below[id(item)] for item in items)}]"
        case Unary(operator=operator, operand=operand):
            return f"{operator}{_operand(operand, below)}"
        case Binary(operator=operator, left=left, right=right):
            space = "" if operator in ("**", "*", "/") else " "
            return f"{_operand(left, below)}{space}{operator}{space}{_operand(right, below)}"
        case Index(value=value, items=places):
            return f"{_operand(value, below)}[{', '.join(map(_place, places))}]"
        case Attribute(value=value, name=name):
            return f"{_operand(value, below)}.{name}"
        case Call(function=function, arguments=arguments):
            return f"{function.name}({', '.join(_argument(argument, below) for argument in arguments)})"


def _operand(node: Node, below: dict[int, str]) -> str:
    """A text beside an operator."""
    text, inner = below[id(node)], node
    while isinstance(inner, (Reference, Application)):
        inner = inner.value
    return f"({text})" if isinstance(inner, (Binary, Unary)) or text.startswith("-") else text


def _place(item: IndexItem) -> str:
    if not isinstance(item, slice):
        return str(item)
    parts = [item.start, item.stop] if item.step is None else [item.start, item.stop, item.step]
    return ":".join("" if part is None else str(part) for part in parts)


def _argument(argument: Argument, below: dict[int, str]) -> str:
    value, parameter = argument.value, argument.parameter
    if isinstance(value, Static):
        is_dtype = parameter.kind == "dtype" and isinstance(value.value, str)
        text = f"torch.{value.value}" if is_dtype else repr(value.value)
    elif isinstance(value, tuple):
        text = f"[{', '.join(below[id(item)] for item in value)}]"
    else:
        text = below[id(value)]
    return f"{parameter.name}={text}" if argument.by_keyword else text
