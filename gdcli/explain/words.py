"""What a node of the tape is called, and what autograd does there, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from gdcli.explain.ties import at_a_tie
from gdcli.lang.functions import CATEGORIES, FUNCTIONS
from gdcli.lang.nodes import Application, Attribute, Binary, Call, Index, ListOf, Node, Reference, Unary, Variable
from gdcli.lang.operators import BINARY, UNARY
from gdcli.lang.signature import Fact

_REDUCTIONS = frozenset(row.name for row in CATEGORIES["reductions"])


def operation(node: Node) -> str:
    """PyTorch's name of what a node does: ``add``, ``log``, ``stack``; the name of a variable."""
    match node:
        case Variable(name=name) | Reference(name=name) | Application(name=name):
            return name
        case Unary(operator=symbol):
            return UNARY[symbol].name
        case Binary(operator=symbol):
            return BINARY[symbol].name
        case Call(function=function):
            return function.name
        case Index():
            return "getitem"
        case Attribute(name=name):
            return name
        case ListOf():
            return "stack"
    return "number"


def what_autograd_does(node: Node, result: Any, inputs: Sequence[Any], parent: Any) -> str:
    """What a reader cannot see from the numbers of a node: sentences, or an empty string.

    ``result`` is that of the node, ``inputs`` those of its children, ``parent`` that of the node above.
    """
    sentences = [_own(node, result, inputs), _on_the_way_up(node, result, parent)]
    return "; ".join(sentence for sentence in sentences if sentence)


def _own(node: Node, result: Any, inputs: Sequence[Any]) -> str:
    """What happens inside the node."""
    if not isinstance(result, torch.Tensor):
        return "a pair of values and indices: gradients flow through the values only"
    if isinstance(node, Variable):
        return "" if result.requires_grad else "requires_grad is False: autograd does not track it"
    if isinstance(node, (Reference, Application)):  # it may have the name of a function of PyTorch
        return ""
    if isinstance(node, Call) and node.function.gradient:
        return node.function.gradient
    tracked = any(isinstance(value, torch.Tensor) and value.requires_grad for value in inputs)
    if result.dtype == torch.bool:
        return "boolean: no gradient flows through a comparison" if tracked else ""
    if isinstance(node, Binary) and node.operator == "//":
        return "rounds down: the gradient is zero" if tracked else ""
    tensors = [value for value in inputs if isinstance(value, torch.Tensor)]
    name = operation(node)
    facts = FUNCTIONS[name].facts if name in FUNCTIONS else ()
    if "product" in facts and len(tensors) > 1:
        left, right = (tuple(value.shape) for value in tensors[:2])
        return f"product of {left} and {right}: each factor's gradient is the incoming one times the other factor"
    if name in _REDUCTIONS and tensors and tensors[0].shape != result.shape:
        return _reduction(name, tensors[0], result)
    if isinstance(node, Index) and tensors:
        return _indexed(node, result, tensors)
    return _selection(name, facts, result, tensors)


def _indexed(node: Index, result: torch.Tensor, tensors: Sequence[torch.Tensor]) -> str:
    """What an index selects; one that is a tensor of whole numbers may take an element several times."""
    count, whole = result.numel(), tensors[0].numel()
    places = any(tensor.dtype == torch.int64 and tensor.dim() for tensor in tensors[1:])
    if places or any(isinstance(item, ListOf) for item in node.items):
        return f"takes {count} elements out of {whole}: each gets the sum of the gradients of its places"
    return f"selects {count} of {whole} elements: the others get a gradient of 0" if count != whole else ""


def _reduction(name: str, whole: torch.Tensor, result: torch.Tensor) -> str:
    count = result.numel()
    fewer = "one" if count == 1 else f"{count}, {whole.numel() // max(1, count)} at a time"
    share = {"sum": "each gets the whole gradient", "mean": "each gets an equal share of the gradient"}
    told = share.get(name, "each gets its part of the gradient")
    return f"reduces {whole.numel()} elements to {fewer}: {told}"


def _selection(name: str, facts: Sequence[Fact], result: torch.Tensor, tensors: Sequence[torch.Tensor]) -> str:
    """Where a function lets gradients through only in part."""
    if not tensors:
        return ""
    value = tensors[0].detach()
    if "bounds" in facts and value.shape == result.shape:
        stopped = int((value != result.detach()).sum())
        held = f"held at a bound for {stopped} of {value.numel()} elements: no gradient flows through them"
        return held if stopped else ""
    if "choice" in facts:
        shared = len(tensors) == 1 or all(at_a_tie(name))
        return "the gradient goes to the selected element" + ", and ties share it" * shared
    if name == "abs" and bool((value == 0).any()):
        return "not differentiable at 0; PyTorch uses 0"
    return ""


def _on_the_way_up(node: Node, result: Any, parent: Any) -> str:
    """What broadcasting in the node above does to the gradient of this one."""
    if not (isinstance(result, torch.Tensor) and isinstance(parent, torch.Tensor)) or not result.requires_grad:
        return ""
    if isinstance(node, (Index, ListOf)) and result.dim() == parent.dim():
        return ""
    dims = broadcast_dims(result.shape, parent.shape)
    if not dims:
        return ""
    listed = " and ".join(map(str, dims))
    return f"broadcast to {tuple(parent.shape)}, so its gradient is summed over dim {listed}"


def broadcast_dims(shape: torch.Size, wider: torch.Size) -> list[int]:
    """The dimensions of ``wider`` along which a tensor of ``shape`` is repeated; empty when it does not broadcast."""
    missing = len(wider) - len(shape)
    if missing < 0:
        return []
    padded = [1] * missing + list(shape)
    if any(small not in (1, large) for small, large in zip(padded, wider, strict=True)):
        return []
    return [i for i, (small, large) in enumerate(zip(padded, wider, strict=True)) if small != large]
