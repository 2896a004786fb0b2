"""The intermediate results of an evaluation: what PyTorch computed at every node, kept with its gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from gdcli.explain.names import named, within
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import Expression, Node, Reference, Variable
from gdcli.lang.objective import build


class Intermediates:
    """The result at every node of an expression, from the last call of ``objective``.

    A result is a tensor, or a pair of values and indices; plain numbers are left out. After a backward pass, a result
    that requires a gradient has it. A variable or another name that is used several times enters the graph once for
    each use (as a view, which changes no number), so that each use has its contribution.
    """

    def __init__(self, expression: Expression, environment: Environment, tensors: Mapping[str, torch.Tensor]) -> None:
        """Compile the expression, as ``build`` does, whose errors it raises."""
        self._expression = expression
        self.objective = build(expression, environment, tensors, record=self._keep)
        self._results: dict[int, tuple[Node, Any]] = {}

    def _keep(self, node: Node, result: Any) -> Any:
        if torch.is_grad_enabled() and is_tracked(result):
            if isinstance(node, (Variable, Reference)) and not self._is_result(node):
                result = result.view_as(result)
            result.retain_grad()
        self._results[id(node)] = node, result
        return result

    def _is_result(self, node: Node) -> bool:
        """Whether a use of a name is the result of a program, which is what the name stands for."""
        return self._expression.is_program and node is self._expression.root

    def __contains__(self, node: Node) -> bool:
        return id(node) in self._results

    def __getitem__(self, node: Node) -> Any:
        return self._results[id(node)][1]

    def get(self, node: Node) -> Any:
        """The result at a node; None where there is none."""
        return self._results.get(id(node), (node, None))[1]

    def nodes(self) -> list[Node]:
        """The nodes in the order of evaluation."""
        return [node for node, _ in self._results.values()]

    def tensors(self) -> Iterator[torch.Tensor]:
        """The results that are tensors."""
        return (result for _, result in self._results.values() if isinstance(result, torch.Tensor))

    def gradient(self, node: Node) -> torch.Tensor | None:
        """The gradient at a node, of the shape of its result; None where the backward pass left none."""
        result = self.get(node)
        found: torch.Tensor | None = result.grad if is_tracked(result) else None
        return found


def gradient_terms(
    expression: Expression, environment: Environment, tensors: Mapping[str, torch.Tensor], wrt: Sequence[str]
) -> dict[str, torch.Tensor]:
    """The sizes of what each gradient adds up from: one term for each use of the variable in the expression.

    Zeros where the result does not depend on a variable. The tensors stay as they are.
    """
    leaves = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    for name in wrt:
        leaves[name].requires_grad_()
    kept = Intermediates(expression, environment, leaves)
    value = kept.objective(*leaves.values())
    if expression.is_program:
        return _terms_of_names(kept, {name: torch.zeros_like(leaves[name], requires_grad=False) for name in wrt})
    if value.requires_grad:
        torch.autograd.grad(value, [leaves[name] for name in wrt], allow_unused=True)
    terms = {name: torch.zeros_like(tensors[name], requires_grad=False) for name in wrt}
    for node in reversed(kept.nodes()):  # as backward adds them up
        gradient = kept.gradient(node)
        if isinstance(node, Variable) and node.name in terms and gradient is not None:
            terms[node.name].add_(gradient.abs())
    return terms


def _terms_of_names(kept: Intermediates, terms: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same of a program: what cancels in the gradient of a name counts too.

    Each statement passes on the sizes of the terms of its name, and not their sum.
    """
    result, *others = named(kept.objective.expression)
    sizes: dict[int, torch.Tensor] = {result.number: torch.ones_like(kept[result.node], requires_grad=False)}
    for each in (result, *others):
        out = kept.get(each.node)
        leaves = [node for node in within(each.node) if isinstance(node, (Variable, Reference))]
        uses = [node for node in leaves if is_tracked(kept.get(node))]
        if not uses or not is_tracked(out) or each.number not in sizes:
            continue
        found = torch.autograd.grad(
            out,
            [kept[use] for use in uses],
            sizes[each.number],
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        for use, gradient in zip(uses, found, strict=True):
            if isinstance(use, Reference):
                sizes[use.number] = sizes.get(use.number, 0) + gradient.abs()
            elif use.name in terms:
                terms[use.name].add_(gradient.abs())
    return terms


def is_tracked(result: Any) -> bool:
    """Whether a result is a tensor that autograd tracks."""
    return isinstance(result, torch.Tensor) and result.requires_grad
