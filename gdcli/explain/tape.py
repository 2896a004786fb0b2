"""The tape: the forward and the backward pass of one run of autograd, node by node.

The expression is evaluated once, with every intermediate tensor kept, and differentiated once. What is shown is read
from that run: values and gradients are those of its tensors, and a local derivative is autograd's own step from a
result back to one of its inputs, on the same graph.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from msgspec import UNSET
from msgspec.structs import replace

from gdcli.contract.fields import Nested
from gdcli.contract.grad import TapeNode
from gdcli.explain.intermediates import Intermediates, is_tracked
from gdcli.explain.local_rules import draws, is_that, rule
from gdcli.explain.names import definitions, named
from gdcli.explain.words import operation, what_autograd_does
from gdcli.lang.nodes import Application, Expression, Node, Number, Reference, Variable, children
from gdcli.lang.objective import tensor_result
from gdcli.lang.parsing import parse
from gdcli.tensors import Problem, check_scalar, dtype_name, grad_fn_name, plain

MAX_ELEMENTS = 1_000  # of a tensor whose numbers stand in the record


class Tape:
    """A run of an expression and of its gradient, with everything in between kept."""

    def __init__(self, problem: Problem) -> None:
        """Evaluate and differentiate.

        Raises:
            GdcliError: what PyTorch refuses, or a result that is not one number.
        """
        self.expression = problem.objective.expression
        self.tensors = problem.tensors
        self._kept = Intermediates(self.expression, problem.environment, problem.tensors)
        self.value = tensor_result(self._kept.objective(*problem.tensors.values()), self.expression)
        check_scalar(self.value, self.expression, problem.wrt)
        problem.backward(self.value, keep_graph=True)
        # Local derivatives, taken later on the same graph, would be added to these.
        found = {id(node): self._kept.gradient(node) for node in self._kept.nodes()}
        self._gradients = {key: gradient.clone() for key, gradient in found.items() if gradient is not None}
        self._definitions = definitions(self.expression)

    def nodes(self) -> list[TapeNode]:
        """The nodes, a parent before its children; plain numbers are left out."""
        if not self.expression.is_program:
            return [made for made, _ in self._tree(self.expression.root, 0)]
        nodes: list[TapeNode] = []
        uses: dict[int, int] = {}  # the number of the name by the id of its use
        places: dict[int, int] = {}
        for each in named(self.expression):
            if each.node not in self._kept:  # a part of what is computed once
                continue
            places[each.number] = len(nodes)
            tree = self._tree(each.node, len(nodes))
            uses |= {made.id: node.number for made, node in tree if isinstance(node, Reference)}
            first, *rest = (made for made, _ in tree)
            nodes += [replace(first, name=each.name, function=each.function), *rest]
        for use, number in uses.items():
            nodes[use] = replace(nodes[use], statement=places[number])
        return nodes

    def _tree(self, root: Node, first: int) -> list[tuple[TapeNode, Node]]:
        """The nodes of one statement, numbered from ``first``, with what each is about."""
        found: list[tuple[TapeNode, Node]] = []
        stack: list[tuple[Node, Node | None, int | None]] = [(root, None, None)]
        while stack:
            node, parent, parent_id = stack.pop()
            made = self._node(node, parent, first + len(found), parent_id)
            found.append((made, node))
            if made.kind == "operation":
                below = [child for child in children(node) if child in self._kept]
                stack.extend((child, node, made.id) for child in reversed(below))
        return found

    def _node(self, node: Node, parent: Node | None, number: int, parent_id: int | None) -> TapeNode:
        result = self._kept[node]
        gradient = self._gradients.get(id(node))
        tensor = result if isinstance(result, torch.Tensor) else None
        kind = self._kind(node)
        below = children(node) if kind == "operation" else ()
        inputs = [self._kept[child] for child in below if child in self._kept]
        local = self._local(parent, node)
        is_computed = kind in ("operation", "constant")
        return TapeNode(
            id=number,
            parent=parent_id,
            text=self.expression.text(node),
            span=node.span,
            kind=kind,
            op=operation(node),
            grad_fn=grad_fn_name(tensor) if tensor is not None and is_computed else None,
            dtype=None if tensor is None else dtype_name(tensor),
            shape=None if tensor is None else list(tensor.shape),
            value=_numbers(tensor),
            norm=_norm(tensor),
            local=_numbers(local),
            rule=self._rule(parent, node, local),
            grad=_numbers(gradient),
            grad_norm=_norm(gradient),
            note=what_autograd_does(node, result, inputs, None if parent is None else self._kept[parent]),
            line=self.expression.line(node) if self.expression.is_program else UNSET,
        )

    def _kind(self, node: Node) -> Literal["operation", "variable", "constant", "name"]:
        if isinstance(node, Variable):
            return "variable"
        if isinstance(node, Reference):
            return "name"
        return "operation" if any(child in self._kept for child in children(node)) else "constant"

    def _local(self, parent: Node | None, node: Node) -> torch.Tensor | None:
        """The derivative of the parent's result (its elements summed) with respect to this one."""
        if parent is None:
            return None
        above, below = self._kept[parent], self._kept[node]
        if not is_tracked(above) or not is_tracked(below):
            return None
        try:
            # The sum stands for a gradient of ones: with grad_outputs, PyTorch would import SymPy first.
            (local,) = torch.autograd.grad(above.sum(), below, retain_graph=True, allow_unused=True)
        except RuntimeError:  # PyTorch has no derivative of this operation; the note of the node says so
            return None
        return None if local is None else local.detach()

    def _rule(self, parent: Node | None, node: Node, local: torch.Tensor | None) -> str:
        """The local derivative in symbols, which give its numbers; empty where there is no simple rule."""
        if parent is None or local is None or local.numel() > MAX_ELEMENTS or draws(parent):
            return ""
        above, below, values = self._kept[parent], self._kept[node], self._values(parent)

        def read(text: str) -> Expression:
            return parse(f"{self._definitions}{text}", values) if self.expression.is_program else parse(text)

        text = rule(parent, node, self.expression, above.shape, below.shape, read)
        return text if text and is_that(text, local, values, read) else ""

    def _values(self, node: Node) -> Mapping[str, torch.Tensor]:
        """What the names in the text of a node stand for; inside a function they may be others than elsewhere."""
        if not self.expression.is_program:
            return self.tensors
        found = dict(self.tensors)
        stack: list[Node] = [node]
        while stack:
            part = stack.pop()
            text = self.expression.text(part)
            if text.isidentifier() and (value := self._value(part)) is not None:
                found[text] = value
            if isinstance(part, Application):
                stack += part.arguments
            elif not isinstance(part, Reference):
                stack += children(part)
        return found

    def _value(self, node: Node) -> torch.Tensor | None:
        match node:
            case Variable(name=name):
                return self.tensors[name]
            case Number(value=value):
                return torch.tensor(value)
            case Reference(value=value):
                found = self._kept.get(value)
            case _:
                found = self._kept.get(node)
        return found if isinstance(found, torch.Tensor) else None


def _numbers(tensor: torch.Tensor | None) -> Nested:
    return plain(tensor) if tensor is not None and tensor.numel() <= MAX_ELEMENTS else None


def _norm(tensor: torch.Tensor | None) -> float | None:
    """The Euclidean norm, in float64; a bool counts as 0 or 1."""
    if tensor is None:
        return None
    norm = float(torch.linalg.vector_norm(tensor.detach().double()))
    return norm if math.isfinite(norm) else None
