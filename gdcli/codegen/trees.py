"""What a tree says of the text that its script needs, and pieces of such texts."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator

from gdcli.lang.nodes import (
    Application,
    Binary,
    Call,
    IndexItem,
    ListOf,
    Node,
    Number,
    Reference,
    children,
)


def printed_nodes(root: Node) -> Iterator[Node]:
    """The nodes of a tree, children before parents: not what a name stands for, and not the arguments of its call."""
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
            continue
        stack.append((node, True))
        if not isinstance(node, (Reference, Application)) or is_for_parts(node):
            stack.extend((child, False) for child in reversed(children(node)))


def is_for_parts(node: Node) -> bool:
    """Whether it is the one name of what ``a, b = sort(x)`` takes apart."""
    return isinstance(node, Reference) and "," in node.name


def is_module(call: Call) -> bool:
    """Whether it is the call of a module that was made with arguments: ``nn.LeakyReLU(0.1)(x)``."""
    values = [argument.value for argument in call.arguments if not isinstance(argument.value, tuple)]
    return not call.is_method and any(not call.name_span[1] <= value.span[0] < call.span[1] for value in values)


def has_float(node: Node) -> bool:
    """Whether one of the numbers is no whole number: PyTorch then makes a float tensor of them all."""
    if isinstance(node, ListOf):
        return any(map(has_float, node.items))
    return isinstance(node, Number) and isinstance(node.value, float)


def is_float_by_itself(call: Call) -> bool:
    """Whether the constructor makes a tensor of PyTorch's default dtype without being told."""
    if "default dtype" in call.function.facts:
        return True
    values = [a.value for a in call.arguments] if "dtype of its numbers" in call.function.facts else []
    return any(isinstance(value, (Number, ListOf)) and has_float(value) for value in values)


def is_new(node: Node) -> bool:
    """Whether the tensor is surely no view of another, which could not be changed in place."""
    return isinstance(node, (Binary, ListOf)) or (isinstance(node, Call) and node.function.makes_a_tensor)


def with_argument(call: str, argument: str) -> str:
    """A call with one more argument at its end."""
    inside = call.removesuffix(")").rstrip().removesuffix(",")
    return f"{inside}{'' if inside.endswith('(') else ', '}{argument})"


def is_sequence(text: str) -> bool:
    """Whether an argument is written as one tuple or list: ``(2, 3)``, not ``2, 3``."""
    arguments = ast.parse(f"f({text})", mode="eval").body.args  # type: ignore[attr-defined]
    return len(arguments) == 1 and isinstance(arguments[0], (ast.Tuple, ast.List))


def normalized(character: re.Match[str]) -> str:
    """A character as Python reads it in a name, where that is one character: each keeps its place."""
    normalized = unicodedata.normalize("NFKC", character[0])
    return normalized if len(normalized) == 1 else character[0]


def index_text(item: IndexItem) -> str:
    """An item of an index without nodes, as Python writes it."""
    if not isinstance(item, slice):
        return "..." if item is ... else str(item)
    bounds = ["" if bound is None else str(bound) for bound in (item.start, item.stop, item.step)]
    return ":".join(bounds if item.step is not None else bounds[:2])
