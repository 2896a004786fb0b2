"""The record of ``grad`` for people: the gradient, followed by its explanations."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import UnsetType
from rich.console import Group, RenderableType

from gdcli.contract.grad import GradResult, TapeNode
from gdcli.render.explanations import explanations
from gdcli.render.table import grad_table
from gdcli.render.tape import tape_tree


def grad_report(record: GradResult, digits: int, width: int, *, matrix_operations: Collection[str]) -> RenderableType:
    """Everything in the record, in reading order.

    ``matrix_operations`` are those whose derivative is a matrix, not one number per element.
    """
    parts = [grad_table(record, digits, width)]
    if not isinstance(record.tape, UnsetType):
        parts.append(tree_of(record, digits, width, matrix_operations))
    return Group(*parts, *explanations(record, digits, width))


def tree_of(record: GradResult, digits: int, width: int, matrix_operations: Collection[str]) -> RenderableType:
    """The tape of a record that has one, as a tree."""
    tape: Sequence[TapeNode] = record.tape  # type: ignore[assignment]
    return tape_tree(tape, record.grads, record.settings.depth, digits, width, matrix_operations)
