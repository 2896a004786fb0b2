"""The source of the lines that were seen: loops, updates of leaves, and where names are bound."""

from __future__ import annotations

import ast
import functools
import linecache
import operator
from collections.abc import Callable, Iterator

from gdcli.watching.seen import Place

_IN_PLACE = frozenset(["sub_", "add_", "copy_", "addcmul_", "addcdiv_", "set_", "lerp_", "mul_"])
_OPERATIONS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
_MOST_LEVELS = 20  # names that are given by other names


class Source:
    """The text of one file as a tree; without one (``tree`` has no statements) nothing is found."""

    def __init__(self, file: str, text: str | None) -> None:
        self.file = file
        text = "".join(linecache.getlines(file)) if text is None else text
        self.lines = text.splitlines()
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError):
            self.tree = ast.Module([], [])

    def loop(self, line: int) -> list[ast.stmt]:
        """The statements of the outermost loop about a line, in its function; of the function without a loop."""
        body = self.function(line).body
        for statement in _about(body, line):
            if isinstance(statement, ast.For | ast.While):
                return [*statement.body]
        return body

    def is_in_loop(self, line: int) -> bool:
        """Whether there is a loop about a line, in its function."""
        return self.loop(line) is not self.function(line).body

    def is_without_grad(self, line: int) -> bool:
        """Whether a line is under no_grad, by a statement or a decorator about it."""
        about = [
            node for node in ast.walk(self.tree) if isinstance(node, ast.With | ast.FunctionDef) and _has(node, line)
        ]
        return any(is_no_grad(each) for node in about for each in (
            [item.context_expr for item in node.items] if isinstance(node, ast.With) else node.decorator_list
        ))  # fmt: skip

    def function(self, line: int) -> ast.Module | ast.FunctionDef | ast.AsyncFunctionDef:
        """The innermost function about a line; the module outside of functions."""
        found: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef = self.tree
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _has(node, line):
                found = node
        return found

    def statement(self, line: int) -> ast.stmt | None:
        """The innermost statement about a line."""
        return next(reversed([*_about(self.tree.body, line)]), None)

    def text(self, node: ast.AST) -> str:
        """The code of a node, in one line."""
        return ast.unparse(node)

    def rebinding(self, line: int, name: str) -> ast.Assign | None:
        """The statement of a loop that binds a name to something made of its own value."""
        for node in _nodes(self.loop(line)):
            if (
                isinstance(node, ast.Assign)
                and any(isinstance(each, ast.Name) and each.id == name for each in node.targets)
                and mentions(node.value, {name})
            ):
                return node
        return None

    def updates(self, line: int, name: str | None = None) -> list[ast.stmt]:
        """The statements of a loop that change a tensor in place by a gradient: those of this name, if there are any.

        Also of calls in the same file, as far as those name a gradient.
        """
        found = [node for node in _nodes(self.loop(line)) if is_update(node)]
        found = found or [node for node in _nodes(self.tree.body) if is_update(node)]
        own = [node for node in found if root(_changed(node)) == name]
        return own or found

    def zeroing(self, line: int, name: str | None = None) -> ast.stmt | None:
        """The statement of a loop that sets a gradient to zero or None: that of this name, if there is one."""
        found = [node for node in _nodes(self.loop(line)) if _zeroed(node) is not None]
        own = [node for node in found if root(_zeroed(node)) == name]
        return next(iter(own or found), None)

    def rate(self, update: ast.stmt) -> float | None:
        """The number that an update multiplies the gradient by; None where the source does not tell."""
        node = self.rate_node(update)
        number = None if node is None else self.number(node)
        return None if number is None else abs(number)

    def rate_node(self, update: ast.stmt) -> ast.expr | None:
        """What an update multiplies the gradient by."""
        for node in ast.walk(update):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                for factor, other in ((node.left, node.right), (node.right, node.left)):
                    if _has_grad(other) and not _has_grad(factor):
                        return factor
            if isinstance(node, ast.keyword) and node.arg == "alpha":
                return node.value
        return None

    def line(self, number: int) -> str:
        """A line of the text, without its end; empty where there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def number(self, node: ast.expr, level: int = 0) -> float | None:
        """A number that stands in the source, or that a name is bound to once; None for anything else."""
        if isinstance(node, ast.Constant):
            return float(node.value) if isinstance(node.value, int | float) else None
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.number(node.operand, level)
            return None if inner is None else -inner
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
            left, right = self.number(node.left, level), self.number(node.right, level)
            if left is None or right is None:
                return None
            try:
                return float(_OPERATIONS[type(node.op)](left, right))
            except (ArithmeticError, TypeError):
                return None
        if isinstance(node, ast.Name) and level < _MOST_LEVELS:
            values = self.bindings(node.id)
            return self.number(values[0].value, level + 1) if len(values) == 1 else None
        return None

    @functools.cached_property
    def names_with_gradients(self) -> frozenset[str]:
        """The names whose ``.grad`` is read, or that are given to a function ``grad``."""
        found: set[str | None] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and node.attr == "grad" and isinstance(node.ctx, ast.Load):
                found.add(path(node.value))
            if isinstance(node, ast.Call) and (path(node.func) or "").rpartition(".")[2] == "grad":
                found |= {path(each) for argument in node.args for each in ast.walk(argument)}
        return frozenset(name for name in found if name)

    def bindings(self, name: str) -> list[ast.Assign]:
        """All assignments of a file to a name alone."""
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Assign)
            and any(isinstance(each, ast.Name) and each.id == name for each in node.targets)
        ]


class Sources:
    """The sources of a script's files; ``texts`` has those that no file has."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts
        self._known: dict[str, Source] = {}

    def of(self, place: Place) -> Source:
        """The source of the file of a place."""
        known = self._known.get(place.file)
        if known is None:
            known = self._known[place.file] = Source(place.file, self._texts.get(place.file))
        return known


def root(node: ast.expr | None) -> str | None:
    """The first name of ``a.b[0].c``: ``a``."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def receiver(source: Source, line: int) -> str | None:
    """The name whose ``backward`` a line calls."""
    statement = source.statement(line)
    for each in ast.walk(statement) if statement is not None else ():
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == "backward":
            return root(each.func.value)
    return None


def path(node: ast.AST) -> str | None:
    """The dotted name that a node is: ``self.hidden``; None for what is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = path(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None


def mentions(node: ast.AST, names: set[str]) -> bool:
    """Whether one of these names, dotted ones too, stands in a piece of code."""
    return any(path(each) in names for each in ast.walk(node))


def statements_in(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements with those inside of them, in the order of the source."""
    for statement in body:
        yield statement
        for inner in ("body", "handlers", "orelse", "finalbody"):
            for each in getattr(statement, inner, []):
                if isinstance(each, ast.ExceptHandler):
                    yield from statements_in(each.body)
                elif isinstance(each, ast.stmt):
                    yield from statements_in([each])


def _nodes(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    return statements_in(body)


def _has(node: ast.stmt, line: int) -> bool:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return first <= line <= (node.end_lineno or node.lineno)


def _about(body: list[ast.stmt], line: int) -> Iterator[ast.stmt]:
    return (node for node in statements_in(body) if _has(node, line))


def _has_grad(node: ast.AST) -> bool:
    return any(
        (isinstance(each, ast.Attribute) and each.attr == "grad")
        or (isinstance(each, ast.Name) and "grad" in each.id.lower())
        for each in ast.walk(node)
    )


def is_update(node: ast.stmt) -> bool:
    """Whether a statement changes a tensor by a gradient, in place or by binding its name anew."""
    return _changed(node) is not None


def _changed(node: ast.stmt) -> ast.expr | None:
    """What a statement changes in place by a gradient."""
    if isinstance(node, ast.AugAssign) and _has_grad(node.value) and isinstance(node.op, ast.Sub | ast.Add):
        return node.target
    if isinstance(node, ast.Assign) and _has_grad(node.value):
        target = node.targets[0]
        if isinstance(target, ast.Subscript) or (isinstance(target, ast.Attribute) and target.attr == "data"):
            return target
        if isinstance(target, ast.Name) and mentions(node.value, {target.id}):
            return target
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        if isinstance(function, ast.Attribute) and function.attr in _IN_PLACE and any(map(_has_grad, node.value.args)):
            return function.value
    return None


def is_no_grad(node: ast.expr) -> bool:
    """Whether an expression is a context that turns autograd off."""
    return any(
        (isinstance(each, ast.Attribute) and each.attr in ("no_grad", "inference_mode"))
        or (isinstance(each, ast.Name) and each.id in ("no_grad", "inference_mode"))
        for each in ast.walk(node)
    )


def _zeroed(node: ast.stmt) -> ast.expr | None:
    """The gradient, or what has it, that a statement sets to zero or None."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and not node.value.value:
        return next((each for each in node.targets if isinstance(each, ast.Attribute) and each.attr == "grad"), None)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        if isinstance(function, ast.Attribute):
            is_zero = function.attr == "zero_" and isinstance(function.value, ast.Attribute)
            if (is_zero and function.value.attr == "grad") or function.attr == "zero_grad":  # type: ignore[attr-defined]
                return function.value
    return None
