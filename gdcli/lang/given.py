"""The values that a program gives to its names: numbers, lists, constructors, which an option can replace."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gdcli.lang.constants import CONSTANTS
from gdcli.lang.functions import SPELLINGS
from gdcli.lang.nodes import ListOf, Node, Number, Span
from gdcli.lang.syntax import MODULES, Reader

if TYPE_CHECKING:
    from gdcli.lang.scope import Scope

_PARAMETERS = (
    "nn.Parameter",
    "torch.nn.Parameter",
    "Parameter",
    "Variable",
    "torch.autograd.Variable",
    "autograd.Variable",
)


class Given(Struct, frozen=True):
    """A value: its text without ``requires_grad``, whether it had that, and its node where it is numbers alone."""

    text: str
    moves: bool
    literal: Number | ListOf | None


def given(reader: Scope, tree: ast.expr, scope: Mapping[str, Any]) -> Given | None:
    """The value that an expression gives to a name; None for one that lies between variables and result.

    Raises:
        ExpressionError: for a value that cannot be read.
    """
    tree, moves, cut = _unwrapped(reader, tree)
    names = list(_names(reader, tree))
    known = [node for node in names if _known(scope.get(node.id))]
    others = [
        n
        for n in names
        if n not in known and not (n.id not in scope and n.id in CONSTANTS and n.id not in reader.given)
    ]
    if others or (known and not _is_constructed(reader, tree)):
        return None
    reader.is_literal += 1
    node = reader.node(tree)
    reader.is_literal -= 1
    texts = [(reader.span(name), _known(scope[name.id])) for name in known]
    texts += [
        (reader.span(n), path)
        for n in ast.walk(tree)
        if isinstance(n, ast.Name) and (path := reader.spelled(n)) != n.id
    ]
    text = _replaced(reader.python, reader.span(tree), [*texts, *((span, "") for span in cut)])
    return Given(text, moves, node if isinstance(node, (Number, ListOf)) and _is_literal(node) else None)


def _known(meaning: Any) -> str:
    """The text of a name that stands for numbers alone; empty for any other."""
    if isinstance(meaning, Given):
        return meaning.text if meaning.literal is not None else ""
    node = getattr(meaning, "node", None)
    return repr(node.value) if isinstance(node, Number) else ""


def _unwrapped(reader: Scope, tree: ast.expr) -> tuple[ast.expr, bool, list[Span]]:
    """The tree without what says that it requires a gradient, whether that was there, and the characters to cut."""
    moves, cut = False, []
    while isinstance(tree, ast.Call):
        if isinstance(tree.func, ast.Attribute) and tree.func.attr == "requires_grad_":
            moves, tree = not any(_is_false(argument) for argument in tree.args), tree.func.value
            continue
        flag = next((keyword for keyword in tree.keywords if keyword.arg == "requires_grad"), None)
        if reader.spelled(tree.func) in _PARAMETERS and len(tree.args) == 1:
            moves, tree = moves or flag is None or not _is_false(flag.value), tree.args[0]
            continue
        if flag is not None and isinstance(flag.value, ast.Constant):
            moves = moves or not _is_false(flag.value)
            cut.append(_with_comma(reader.source, reader.span(flag)))
            rest = ast.Call(tree.func, tree.args, [keyword for keyword in tree.keywords if keyword is not flag])
            tree = ast.copy_location(rest, tree)
        break
    return tree, moves, cut


def _with_comma(source: str, span: Span) -> Span:
    """The span of an argument, with the comma that parts it from the one before."""
    before = source[: span[0]].rstrip()
    return (len(before) - 1, span[1]) if before.endswith(",") else span


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _names(reader: Reader, tree: ast.expr) -> list[ast.Name]:
    """The names that stand for values: not those of functions, modules and dtypes."""
    found: list[ast.Name] = []
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            found.append(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and reader.spelled(node.func) in SPELLINGS:
            stack += [*node.args, *(k.value for k in node.keywords)]
        elif not (isinstance(node, ast.Attribute) and reader.spelled(node).split(".")[0] in MODULES):
            stack += ast.iter_child_nodes(node)
    return found


def _is_constructed(reader: Reader, tree: ast.expr) -> bool:
    """Whether it is a call of a constructor, perhaps with methods called on its result."""
    while isinstance(tree, ast.Call):
        function = SPELLINGS.get(reader.spelled(tree.func))
        if function is not None:
            return function.makes_a_tensor
        if not isinstance(tree.func, ast.Attribute):
            return False
        tree = tree.func.value
    return False


def _is_literal(node: Node) -> bool:
    return isinstance(node, Number) or (isinstance(node, ListOf) and all(map(_is_literal, node.items)))


def _replaced(source: str, span: Span, pieces: list[tuple[Span, str]]) -> str:
    """The source of ``span`` with other texts in some places."""
    texts, at = [], span[0]
    for (start, end), text in sorted(pieces):
        texts += [source[at:start], text]
        at = end
    return " ".join(("".join(texts) + source[at : span[1]]).split())
