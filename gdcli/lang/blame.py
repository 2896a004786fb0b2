"""Which part of an expression is to blame: for a gradient that stops, for several numbers, for all pairs. No torch.

The sentences are for errors and notices, and each names the part by its text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from gdcli.lang.functions.rows import STEP
from gdcli.lang.nodes import (
    Application,
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    Node,
    Number,
    Reference,
    Static,
    Variable,
    children,
    postorder,
)
from gdcli.lang.operators import BINARY
from gdcli.lang.shapes import Shape

_LONG = 60  # characters
_TRANSPOSES = ("T", "mT")
_COLUMN = 2  # dimensions


def cut(expression: Expression, moving: Collection[str]) -> Node | None:
    """The first part that stops the gradient, where no path leads from the result back to a variable of ``moving``."""
    reached: set[int] = set()
    cuts: list[Node] = []
    for node in postorder(expression.root):
        below = any(id(child) in reached for child in children(node))
        if below and _stops(node):
            cuts.append(node)
        elif below or (isinstance(node, Variable) and node.name in moving):
            reached.add(id(node))
    return None if id(expression.root) in reached or not cuts else cuts[0]


def _stops(node: Node) -> bool:
    match node:
        case Binary(operator=operator):
            return BINARY[operator].is_comparison
        case Attribute(name=name):
            return name in ("indices", "shape", "ndim")
        case Call(function=function):
            return function.gradient not in ("", STEP) and "derivative" not in function.gradient
        case _:
            return False


def why_cut(node: Node, expression: Expression) -> str:
    """Why no gradient flows through a part that stops it."""
    text = _short(expression.text(node))
    if isinstance(node, Binary):
        return f"no gradient flows through the comparison {text}; sigmoid(...) is a step that has one"
    because = f": {node.function.gradient}" if isinstance(node, Call) else ""
    return f"no gradient flows through {text}{because}"


def how_reduced(expression: Expression) -> str:
    """What makes one number of a result that is several: the reduction that the usual loss has, where it is one."""
    root = _behind(expression.root)
    text = expression.text(root)
    shown = text if len(text) <= _LONG else "..."
    if (rows := _quadratic_form(root, expression)) is not None:
        left, right = rows
        return f"it has all pairs of rows; one number for each row is sum(({left})*{right}, 1), and their mean a loss"
    if isinstance(root, Call) and any(isinstance(a.value, Static) and a.value.value == "none" for a in root.arguments):
        return "reduction='none' keeps a number for each element: leave it out for their mean"
    loss = _usual_loss(root)
    if loss:
        return f"{loss} is the mean: mean({shown}); the sum is sum({shown})"
    return f"sum it: sum({shown})"


def _usual_loss(node: Node) -> str:
    """The loss whose elements these are: squares or absolute values of differences; empty for anything else."""
    match node:
        case Binary(operator="**", left=base, right=Number(value=2)):
            return "mse_loss" if _is_difference(base) else ""
        case Call(function=function, arguments=(argument, *others)) if not isinstance(argument.value, (Static, tuple)):
            name = function.usual
            squares = name == "square" or (name == "pow" and _is_two(others[0].value if others else None))
            loss = "mse_loss" if squares else "l1_loss" if name == "abs" else ""
            return loss if loss and _is_difference(argument.value) else ""
    return ""


def _is_two(value: object) -> bool:
    return isinstance(value, Number) and value.value == 2


def _is_difference(node: Node) -> bool:
    found = _behind(node)
    return isinstance(found, Binary) and found.operator == "-"


def _quadratic_form(node: Node, expression: Expression) -> tuple[str, str] | None:
    """The texts of ``x @ A`` and ``x`` of ``x @ A @ x.T``; None for anything else."""
    if not (isinstance(node, Binary) and node.operator == "@" and isinstance(node.left, Binary)):
        return None
    right, first = node.right, node.left
    if not (isinstance(right, Attribute) and right.name in _TRANSPOSES and first.operator == "@"):
        return None
    while isinstance(first.left, Binary) and first.left.operator == "@":
        first = first.left
    name = expression.text(right.value)
    return (expression.text(node.left), name) if expression.text(first.left) == name else None


def all_pairs(expression: Expression, shape_of: Callable[[Node], Shape | None]) -> tuple[Node, int] | None:
    """A sum or difference of a column, shape (n, 1), and a vector, shape (n,), which is a matrix; with its n.

    A column that the text itself makes (``x[:, None]``) is meant so.
    """
    for node in postorder(expression.root):
        if not isinstance(node, Binary) or node.operator not in ("+", "-"):
            continue
        parts = [(shape, child) for child in children(node) if (shape := shape_of(child)) is not None]
        if len(parts) != _COLUMN or len({len(shape) for shape, _ in parts}) == 1:
            continue
        (one, _), (other, column) = sorted(parts, key=lambda part: len(part[0]))
        if len(one) == 1 and other == (one[0], 1) and one[0] > 1 and not _is_made(column):
            return node, one[0]
    return None


def _is_made(node: Node) -> bool:
    """Whether the dimension of size 1 was put in on purpose."""
    found = _behind(node)
    return (isinstance(found, Index) and None in found.items) or (
        isinstance(found, Call) and found.function.usual == "unsqueeze"
    )


def told_of_pairs(text: str, n: int) -> str:
    """The sentence about a column and a vector that broadcast."""
    return (
        f"{text} has shape ({n}, {n}), because ({n}, 1) and ({n},) broadcast to all pairs; "
        "flatten the column (.flatten()) to compare element by element"
    )


def _behind(node: Node) -> Node:
    """The node that a name stands for."""
    while isinstance(node, (Reference, Application)):
        node = node.value
    return node


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
