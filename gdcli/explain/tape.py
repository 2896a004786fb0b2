"""The tape: the forward and the backward pass of one run of autograd, node by node.

The expression is evaluated once, with every intermediate tensor kept, and differentiated once. What is shown is read
from that run: values and gradients are those of its tensors, and a local derivative is autograd's own step from a
result back to one of its inputs, on the same graph.
"""

from __future__ import annotations

import math
from typing import Literal

import torch

from gdcli.contract.fields import Nested
from gdcli.contract.grad import TapeNode
from gdcli.explain.intermediates import Intermediates, is_tracked
from gdcli.explain.local_rules import draws, is_that, rule
from gdcli.explain.words import operation, what_autograd_does
from gdcli.lang.nodes import Node, Variable, children
from gdcli.lang.objective import tensor_result
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

    def nodes(self) -> list[TapeNode]:
        """The nodes, a parent before its children; plain numbers are left out."""
        nodes: list[TapeNode] = []
        stack: list[tuple[Node, Node | None, int | None]] = [(self.expression.root, None, None)]
        while stack:
            node, parent, parent_id = stack.pop()
            nodes.append(self._node(node, parent, len(nodes), parent_id))
            if nodes[-1].kind == "operation":
                below = [child for child in children(node) if child in self._kept]
                stack.extend((child, node, nodes[-1].id) for child in reversed(below))
        return nodes

    def _node(self, node: Node, parent: Node | None, number: int, parent_id: int | None) -> TapeNode:
        result = self._kept[node]
        gradient = self._gradients.get(id(node))
        tensor = result if isinstance(result, torch.Tensor) else None
        inputs = [self._kept[child] for child in children(node) if child in self._kept]
        local = self._local(parent, node)
        return TapeNode(
            id=number,
            parent=parent_id,
            text=self.expression.text(node),
            span=node.span,
            kind=self._kind(node),
            op=operation(node),
            grad_fn=grad_fn_name(tensor) if tensor is not None and not isinstance(node, Variable) else None,
            dtype=None if tensor is None else dtype_name(tensor),
            shape=None if tensor is None else list(tensor.shape),
            value=_numbers(tensor),
            norm=_norm(tensor),
            local=_numbers(local),
            rule=self._rule(parent, node, local),
            grad=_numbers(gradient),
            grad_norm=_norm(gradient),
            note=what_autograd_does(node, result, inputs, None if parent is None else self._kept[parent]),
        )

    def _kind(self, node: Node) -> Literal["operation", "variable", "constant"]:
        if isinstance(node, Variable):
            return "variable"
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
        above, below = self._kept[parent], self._kept[node]
        text = rule(parent, node, self.expression, above.shape, below.shape)
        return text if text and is_that(text, local, self.tensors) else ""


def _numbers(tensor: torch.Tensor | None) -> Nested:
    return plain(tensor) if tensor is not None and tensor.numel() <= MAX_ELEMENTS else None


def _norm(tensor: torch.Tensor | None) -> float | None:
    """The Euclidean norm, in float64; a bool counts as 0 or 1."""
    if tensor is None:
        return None
    norm = float(torch.linalg.vector_norm(tensor.detach().double()))
    return norm if math.isfinite(norm) else None
