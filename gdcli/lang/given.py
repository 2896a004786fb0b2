"""The values that a program gives to its names: numbers, lists, constructors, which an option can replace."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gdcli.lang.constants import CONSTANTS
from gdcli.lang.functions import SPELLINGS
from gdcli.lang.functions.sizes import FUNCTIONS as SIZE_ROWS
from gdcli.lang.limits import known_shapes
from gdcli.lang.nodes import Binary, Call, Index, ListOf, Number, Span, is_numbers, is_plain, replaced
from gdcli.lang.shapes import Shape
from gdcli.lang.sizes import size_of
from gdcli.lang.syntax import MODULES, Reader, parse_value

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


_SIZES = frozenset(name for row in SIZE_ROWS for name in (row.name, *row.methods))


class Given(Struct, frozen=True):
    """A value: its text without ``requires_grad``, whether it had that, and its node where it is numbers alone.

    ``shape`` is None where it does not follow from the text. ``uses`` are other values that stand in the text: of
    data with random numbers, which are drawn once, as PyTorch does.
    """

    text: str
    moves: bool
    literal: Number | ListOf | None
    shape: Shape | None
    uses: tuple[str, ...] = ()


def given(reader: Scope, tree: ast.expr, scope: Mapping[str, Any], name: str) -> Given | None:
    """The value that an expression gives to ``name``; None for one that lies between variables and result.

    Raises:
        ExpressionError: for a value that cannot be read.
    """
    tree, moves, cut = _unwrapped(reader, tree)
    sizes = _sizes(reader, tree, _shapes(reader, scope, name))
    names = [node for node in _names(reader, tree) if not any(node in ast.walk(part) for part in sizes)]
    known = [node for node in names if _known(scope.get(node.id))]
    others = [
        n
        for n in names
        if n not in known and not (n.id not in scope and n.id in CONSTANTS and n.id not in reader.given)
    ]
    data = [n for n in others if isinstance(scope.get(n.id), Given) and n.id not in reader.moving]
    is_data = bool(data) and len(data) == len(others) and not reader.numbers_move and _draws(reader, tree)
    if not is_data and (others or ((known or sizes) and not _is_constructed(reader, tree))):
        return None
    reader.is_literal += 1
    node = reader.node(tree)
    reader.is_literal -= 1
    texts = [(reader.span(part), str(size)) for part, size in sizes.items()]
    texts += [(reader.span(name), _known(scope[name.id])) for name in known]
    texts += [(reader.span(n), path) for n in _all_names(tree) if (path := reader.spelled(n)) != n.id]
    text = " ".join(replaced(reader.python, reader.span(tree), [*texts, *((span, "") for span in cut)]).split())
    literal = node if isinstance(node, (Number, ListOf)) and is_numbers(node) else None
    uses = tuple(dict.fromkeys(n.id for n in data))
    root = parse_value(text, uses).root
    shapes = {name: scope[name].shape for name in uses}
    shape = None if None in shapes.values() else known_shapes(root, shapes)[id(root)]
    return Given(text, moves, literal, shape, uses)


def _draws(reader: Scope, tree: ast.expr) -> bool:
    """Whether random numbers are drawn."""
    calls = [SPELLINGS.get(reader.spelled(part.func)) for part in ast.walk(tree) if isinstance(part, ast.Call)]
    return any(function is not None and function.form == "random" for function in calls)


def _shapes(reader: Scope, scope: Mapping[str, Any], name: str) -> dict[str, Shape]:
    """The shapes of the values, as far as they are known: not of one that is given anew, unless ``name`` is too."""
    return {
        other: value.shape
        for other, value in scope.items()
        if isinstance(value, Given) and value.shape is not None and (other not in reader.given or name in reader.given)
    }


def _sizes(reader: Scope, tree: ast.expr, shapes: Mapping[str, Shape]) -> dict[ast.expr, int]:
    """The parts that are sizes of values: ``X.shape[1]``, ``len(x)``, a name for one of them; each with its number."""
    found: dict[ast.expr, int] = {}
    stack: list[ast.AST] = [tree]
    while stack:
        part = stack.pop()
        size = None
        if isinstance(part, (ast.Name, ast.Subscript, ast.Call)) and _may_be_size(reader, part):
            size = size_of(reader.node(part), shapes)
        if size is None:
            stack += ast.iter_child_nodes(part)
        else:
            found[part] = size  # type: ignore[index]
    return found


def _may_be_size(reader: Scope, part: ast.expr) -> bool:
    match part:
        case ast.Name(id=name):
            node = getattr(reader.scope.get(name), "node", None)
            return isinstance(node, (Index, Call, Binary)) and is_plain(node)
        case ast.Subscript(value=value):
            return isinstance(value, ast.Attribute) and value.attr == "shape"
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return name in _SIZES
    return False


def _all_names(tree: ast.expr) -> list[ast.Name]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Name)]


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
