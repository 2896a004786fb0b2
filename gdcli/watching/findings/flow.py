"""Where the source cuts a leaf off from the loss: detach, item, data, numpy, a comparison."""

from __future__ import annotations

import ast
from typing import NamedTuple

from gdcli.watching.findings.source import Source, path, statements_in

_METHODS = {
    "detach": "detach()", "item": "item()", "tolist": "tolist()", "numpy": "numpy()", "long": "long()", "int": "int()",
    "argmax": "argmax", "argmin": "argmin", "bool": "bool()", "sign": "sign", "round": "round", "floor": "floor",
    "ceil": "ceil", "gt": "gt", "lt": "lt", "ge": "ge", "le": "le", "eq": "eq", "ne": "ne",
}  # fmt: skip
_STEPS = frozenset(["argmax", "argmin", "sign", "round", "floor", "ceil", "long()", "int()", "bool()",
                    "gt", "lt", "ge", "le", "eq", "ne"])  # fmt: skip
_NUMBERS = frozenset(["item", "tolist", "detach", "numpy", "cpu"])  # what goes with torch.tensor(...)
_MOST_ROUNDS = 4


class Cut(NamedTuple):
    """A line that cuts, with what cuts there and what to change."""

    line: int
    what: str
    change: str


def cuts(source: Source, line: int, leaves: list[str]) -> list[Cut]:
    """The lines of the loop about a line that cut off a value which was made of these leaves, by the source alone.

    Methods of the same file are looked at too: their ``self.name`` may be the leaf's layer.
    """
    loop = [*statements_in(source.loop(line))]
    outside = source.loop(line)
    names = {leaf.partition(".")[0].partition("[")[0] for leaf in leaves}
    found = _in_order([each for each in loop if each.lineno < line or not source.is_in_loop(line)], names)
    if found or not outside:
        return found
    methods = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and not (node.lineno <= line <= (node.end_lineno or node.lineno))
    ]
    for method in methods:
        parts = {f"self.{leaf.split('.')[1].partition('[')[0]}" for leaf in leaves if "." in leaf}
        found += _in_order([*statements_in(method.body)], names | parts)
    return found


def _in_order(statements: list[ast.stmt], names: set[str]) -> list[Cut]:
    """Follow the names through statements: what is made of them has them, up to what cuts."""
    carrying, found = set(names), {}
    for _ in range(_MOST_ROUNDS):
        before = len(carrying)
        for statement in statements:
            for part in _own_parts(statement):
                cut = _cut_in(part, carrying)
                if cut is not None:
                    found[statement.lineno] = Cut(statement.lineno, *cut)
                elif _mentions(part, carrying):
                    carrying |= _bound(statement)
        if len(carrying) == before:
            break
    return [found[line] for line in sorted(found)]


def _own_parts(statement: ast.stmt) -> list[ast.expr]:
    """The expressions of a statement, without those of statements inside of it."""
    if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return) and statement.value is not None:
        return [statement.value]
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return [statement.value]
    if isinstance(statement, ast.Expr):
        return [statement.value]
    return [statement.iter] if isinstance(statement, ast.For) else []


def _bound(statement: ast.stmt) -> set[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign | ast.For):
        targets = [statement.target]
    return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return any(path(each) in names for each in ast.walk(node))


def _cut_in(part: ast.expr, names: set[str]) -> tuple[str, str] | None:
    """What cuts in an expression, of a value made of these names, and what to write instead."""
    for node in ast.walk(part):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            what = _METHODS.get(node.func.attr)
            if what is not None and (_mentions(node.func.value, names) or any(_mentions(a, names) for a in node.args)):
                if what in _STEPS:
                    return (
                        f".{what}",
                        "use a function that has a gradient (a sigmoid, a softmax, the scores themselves)",
                    )
                return f".{what}", f"leave out .{what}"
        if isinstance(node, ast.Attribute) and node.attr == "data" and _mentions(node.value, names):
            return ".data", "leave out .data"
        if isinstance(node, ast.Compare) and any(_mentions(each, names) for each in (node.left, *node.comparators)):
            return "a comparison", "use a function that has a gradient (a sigmoid of the difference) for the comparison"
        if isinstance(node, ast.Call) and any(_mentions(each, names) for each in node.args):
            called = path(node.func) or ""
            if called in ("float", "int", "torch.tensor"):
                inner = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)} & _NUMBERS
                without = "".join(f" and .{name}()" for name in sorted(inner))
                return f"{called}(...)", f"leave out {called}(...){without}: keep the tensor that has the graph"
    return None
