"""What has a name in a program: the statements that its result depends on, and the names inside its functions.

Each is a tree of its own here, in which a use of another name is a leaf. So a name that is used many times is looked at
once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gdcli.lang.lines import Line, lines_of
from gdcli.lang.nodes import (
    Application,
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    ListOf,
    Node,
    Reference,
    Span,
    Unary,
    children,
    index_item,
    postorder,
)


class Named(Struct, frozen=True):
    """A node with its name; the name of a result may be empty.

    ``number`` is that of the uses of the name. ``function`` is the function inside which it is a name, as it is called
    there for a parameter; it is empty for a statement of the program itself.
    """

    node: Node
    name: str
    number: int
    function: str


def named(expression: Expression) -> list[Named]:
    """The result, and what it depends on, each before what it is made of: the order of the backward pass."""
    root = expression.root
    found: dict[int, Reference] = {}
    parameters: dict[int, Application] = {}
    for node in postorder(root):
        if isinstance(node, Reference):
            found.setdefault(node.number, node)
        elif isinstance(node, Application):
            parameters |= {id(argument): node for argument in node.arguments}
    statements = {statement.number for statement in expression.statements}

    def function(use: Reference) -> str:
        if use.number in statements:
            return ""
        call = parameters.get(id(use.value))
        return _function_at(use.value, expression) if call is None else expression.text(call)

    result = Named(root, expression.result, _number(expression, root), "")
    if isinstance(root, Reference):
        result = Named(root.value, root.name, root.number, function(root))
    others = [Named(use.value, use.name, number, function(use)) for number, use in found.items()]
    return [result, *sorted((o for o in others if o.node is not result.node), key=lambda each: -each.number)]


def result_name(expression: Expression) -> str:
    """What a program calls its result; empty where it has no name, and for an expression."""
    return expression.root.name if isinstance(expression.root, Reference) else expression.result


def _number(expression: Expression, root: Node) -> int:
    return next((s.number for s in reversed(expression.statements) if s.node is root), 0)


def _function_at(node: Node, expression: Expression) -> str:
    """The function of the program in whose definition a node stands; empty for none."""
    spans = expression.functions.items()
    inside = [(end - start, name) for name, (start, end) in spans if start <= node.span[0] and node.span[1] <= end]
    return min(inside)[1] if inside else ""


def within(root: Node) -> Iterator[Node]:
    """The nodes of a tree whose leaves are the uses of names, a node before its parts."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, Reference):
            stack.extend(reversed(children(node)))


def with_parts(node: Node, part: Callable[[Any], Any]) -> Node:
    """The node with other nodes in the places of its parts, and of the parts of lists of them."""

    def each(value: Any) -> Any:
        return tuple(map(part, value)) if isinstance(value, tuple) else part(value)

    match node:
        case ListOf(items=items):
            return replace(node, items=each(items))
        case Unary(operand=operand):
            return replace(node, operand=part(operand))
        case Binary(left=left, right=right):
            return replace(node, left=part(left), right=part(right))
        case Index(value=value, items=items):
            return replace(node, value=part(value), items=tuple(index_item(item, part) for item in items))
        case Attribute(value=value) | Reference(value=value) | Application(value=value):
            return replace(node, value=part(value))
        case Call(arguments=arguments):
            return replace(node, arguments=tuple(replace(a, value=each(a.value)) for a in arguments))
        case _:
            return node


def definitions(expression: Expression) -> str:
    """The lines of a program that bring names of functions: what a piece of it needs in order to be read alone."""
    if not expression.is_program:
        return ""
    source = expression.source
    _, lines = lines_of(source)
    imports = [source[slice(*line.span)] for line in lines if re.match(r"(?:import|from)\b", source[line.span[0] :])]
    places = [_whole(lines, span) for span in expression.functions.values()]
    return "".join(f"{text}\n" for text in [*imports, *(source[slice(*place)] for place in places)])


def _whole(lines: Sequence[Line], span: Span) -> Span:
    """The statement in which a piece of a program stands, as far as the piece goes."""
    start = next((line.span[0] for line in lines if line.span[0] <= span[0] < line.span[1]), span[0])
    return start, span[1]


def statement_text(expression: Expression, node: Node, name: str) -> str:
    """``z = W @ x`` for a node that has a name, and its text for one that has none."""
    text = expression.text(node)
    is_augmented = any(s.node is node and s.span == node.span for s in expression.statements)
    return text if is_augmented or not name else f"{name} = {text}"


def _name_of(expression: Expression, node: Node) -> str:
    return next((statement.name for statement in expression.statements if statement.node is node), "")


def told(expression: Expression, node: Node) -> str:
    """A node at the start of a sentence: its text, in a program after its line; the statement where it is all of that.

    For example ``line 5: y = torch.relu(z)``.
    """
    text = statement_text(expression, node, _name_of(expression, node))
    return f"line {expression.line(node)}: {text}" if "\n" in expression.source else text


def called(expression: Expression, node: Node) -> str:
    """A node within a sentence: its name, or its text, and in a program its line. For example ``z in line 3``."""
    text = _name_of(expression, node) or expression.text(node)
    return f"{text} in line {expression.line(node)}" if "\n" in expression.source else text
