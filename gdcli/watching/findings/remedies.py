"""Remedies that are one number or one word of the source."""

from __future__ import annotations

import ast

from gdcli.contract.short import short
from gdcli.contract.watch import WatchRemedy
from gdcli.watching.findings.case import Case
from gdcli.watching.findings.source import path

_DTYPES = frozenset(["torch.float16", "torch.bfloat16", "torch.half", "torch.float32", "torch.float"])


def other_rate(case: Case, rate: float) -> WatchRemedy | None:
    """The learning rate of a descent changed where it stands as a number; None where the source has no such number."""
    node = _rate_of_optimizer(case) if case.optimizer is not None else _rate_by_hand(case)
    for _ in range(10):
        if not isinstance(node, ast.Name):
            break
        bound = case.source.bindings(node.id)
        node = bound[0].value if len(bound) == 1 else None
    if node is None or case.source.number(node) is None:
        return None
    return replaced(case, node, short(rate, 2))


def longer_dtype(case: Case) -> WatchRemedy | None:
    """float64 where the file names one other dtype of floating point numbers, once."""
    found = [node for node in ast.walk(case.source.tree) if isinstance(node, ast.Attribute) and path(node) in _DTYPES]
    return replaced(case, found[0], "torch.float64") if len(found) == 1 else None


def replaced(case: Case, node: ast.expr, text: str) -> WatchRemedy | None:
    """A line with a node replaced: as the whole line, so that it can be put in its place."""
    line = case.source.line(node.lineno)
    if node.end_lineno != node.lineno or node.end_col_offset is None or not line:
        return None
    raw = line.encode()
    new = raw[: node.col_offset] + text.encode() + raw[node.end_col_offset :]
    return WatchRemedy(node.lineno, new.decode().strip(), line.strip())


def _rate_of_optimizer(case: Case) -> ast.expr | None:
    """The ``lr`` in the call that makes the optimizer."""
    place = None if case.optimizer is None else case.made_at(case.optimizer)
    statement = None if place is None or place.file != case.source.file else case.source.statement(place.line)
    for node in ast.walk(statement) if statement is not None else ():
        if isinstance(node, ast.Call) and (path(node.func) or "").endswith(
            case.optimizer.name if case.optimizer else ""
        ):
            found = [each.value for each in node.keywords if each.arg == "lr"]
            return found[0] if found else node.args[1] if len(node.args) > 1 else None
    return None


def _rate_by_hand(case: Case) -> ast.expr | None:
    """The factor of the gradient in the update."""
    return None if case.update is None else case.source.rate_node(case.update)
