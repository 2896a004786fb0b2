"""Shapes in the loss: a column against a vector, a sum over batches of different sizes."""

from __future__ import annotations

import ast

from gdcli.contract.watch import WatchFinding, WatchRemedy
from gdcli.watching.findings.case import Case
from gdcli.watching.findings.source import path
from gdcli.watching.seen import Graph, Node, Place

_PAIRS = frozenset(["SubBackward0", "RsubBackward1", "AddBackward0", "MulBackward0", "DivBackward0", "ExpandBackward0"])
_DELIBERATE = frozenset(["UnsqueezeBackward0", "ExpandBackward0"])
_NUMBERS = frozenset(["MulBackward0", "NegBackward0", "AddBackward0", "SubBackward0", "ToCopyBackward0"])
_LOSSES = ("MseLossBackward0", "SmoothL1LossBackward0", "HuberLossBackward0", "NllLossBackward0",
           "BinaryCrossEntropyBackward0", "BinaryCrossEntropyWithLogitsBackward0")  # fmt: skip
_SUM = 2  # PyTorch's number of reduction="sum"


def broadcast(case: Case) -> WatchFinding | None:
    """A column of n against a vector of n in the loss, which makes a matrix of n times n."""
    for graph in case.descent.graphs[:2][::-1]:
        for index, node in enumerate(graph.nodes):
            shape = node.shape
            if node.op not in _PAIRS or shape is None or len(shape) != 2 or shape[0] != shape[1] or shape[0] < 2:
                continue
            n = shape[0]
            column, how = _is_column(graph, node, n), _feeds_loss(graph, index)
            if column is None or not how:
                continue
            place = case.place_of(graph, index) or line_of_loss(case)
            other = _vector_of(case, place, n)
            if other is None and node.op != "ExpandBackward0":
                continue
            return _broadcast(case, n, column=column, place=place, other=other or "")
    return None


def _is_column(graph: Graph, node: Node, n: int) -> bool | None:
    """Whether the input that is known is a column (or else a vector) of n; None where it is neither, or was made so."""
    shapes = []
    for each in node.inputs:
        if isinstance(each, int):
            below = graph.nodes[each]
            if below.op in _DELIBERATE:
                return None
            shapes.append(below.shape)
    if len(shapes) == 2 and sorted(map(len, [s or [] for s in shapes])) != [1, 2]:
        return None
    if any(shape == [n, 1] for shape in shapes):
        return True
    return False if any(shape == [n] for shape in shapes) else None


def _feeds_loss(graph: Graph, index: int) -> bool:
    """Whether the matrix goes on elementwise up to a sum or a mean, as errors do."""
    for _ in range(10):
        users = [i for i, node in enumerate(graph.nodes) if index in node.inputs]
        if not users:
            return False
        op = graph.nodes[users[0]].op
        if op in ("MeanBackward0", "SumBackward0") or op in _LOSSES or "Loss" in op:
            return True
        if graph.nodes[users[0]].shape != graph.nodes[index].shape:
            return False
        index = users[0]
    return False


def line_of_loss(case: Case) -> Place | None:
    """The assignment to the name whose backward is called, the last one before it."""
    line = case.descent.place.line
    statement = case.source.statement(line)
    calls = [each for each in ast.walk(statement) if isinstance(each, ast.Call)] if statement is not None else []
    names = {path(each.func.value) for each in calls if isinstance(each.func, ast.Attribute)}
    lines = [made.lineno for name in names if name for made in case.source.bindings(name) if made.lineno <= line]
    return Place(case.descent.place.file, max(lines), "") if lines else None


def _vector_of(case: Case, place: Place | None, n: int) -> str | None:
    """A tensor of shape (n,) or (n, 1) that the line names, other than the one that is in the graph."""
    statement = None if place is None else case.sources.of(place).statement(place.line)
    if statement is None:
        return None
    named = {path(each) for each in ast.walk(statement)}
    fits = [leaf for leaf in case.descent.frame if leaf.shape in ([n], [n, 1]) and not leaf.requires_grad]
    return next((leaf.name for leaf in fits if leaf.name in named), None)


def _broadcast(case: Case, n: int, *, column: bool, place: Place | None, other: str) -> WatchFinding:
    shapes = [[n, 1], [n]] if column else [[n], [n, 1]]
    one, two = (f"({s[0]},)" if len(s) == 1 else f"({s[0]}, {s[1]})" for s in shapes)
    message = (
        f"shapes {one} and {two} make ({n}, {n}), so the loss compares each of the {n} outputs with all of "
        f"the {n} targets"
    )
    evidence = {"shapes": shapes, "result": [n, n]}
    name = other or "the targets"
    change = (
        f"give both the same shape: {name}.unsqueeze(1)" if column else f"give both the same shape: {name}.squeeze(1)"
    )
    return case.finding("broadcast", message, place, evidence, change)


def not_averaged(case: Case) -> WatchFinding | None:
    """A loss that is a sum over batches of different sizes: its gradient grows with the batch."""
    if not case.is_loop or not case.reached:
        return None
    found = {}
    for graph in case.descent.graphs:
        summed = _summed(graph)
        if summed is not None:
            found[graph.iteration] = summed
    sizes = {size: iteration for iteration, (_, size) in sorted(found.items(), reverse=True)}
    if len(found) < len(case.descent.graphs) or len(sizes) < 2:
        return None
    large, small = max(sizes), min(sizes)
    graph = next(each for each in case.descent.graphs if each.iteration in found)
    place = next(
        (p for g in case.descent.graphs if g.iteration in found and (p := case.place_of(g, found[g.iteration][0]))),
        None,
    )
    evidence = {"sizes": sorted(sizes), "iterations": [sizes[large], sizes[small]]}
    message = (
        f"the loss is a sum, of {large} numbers in iteration {sizes[large]} and of {small} in iteration "
        f"{sizes[small]}: its gradient grows with the batch, at the same rate. This may not be meant"
    )
    remedy = None if graph is None or place is None else _averaged(case, place)
    change = 'use the mean: .mean(), or reduction="mean"; the rate then goes with it'
    return case.finding(
        "not-averaged", message, place or line_of_loss(case), evidence, change, guess=True, remedy=remedy
    )


def _summed(graph: Graph) -> tuple[int, int] | None:
    """The node at the top of a loss that is a sum, and how many numbers it sums; None of another loss."""
    index = 0
    for _ in range(10):
        node = graph.nodes[index]
        count = next((each.value for each in node.saved if each.name == "reduction"), None)
        if node.op == "SumBackward0" or (node.op in _LOSSES and count == _SUM):
            below = next((each for each in node.inputs if isinstance(each, int)), None)
            shape = graph.nodes[below].shape if below is not None else None
            return None if shape is None or not shape else (index, _product(shape))
        following = [each for each in node.inputs if isinstance(each, int)]
        if node.op not in _NUMBERS or len(following) != 1:
            return None
        index = following[0]
    return None


def _product(shape: list[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _averaged(case: Case, place: Place) -> WatchRemedy | None:
    """The same line with a mean."""
    statement = case.sources.of(place).statement(place.line)
    text = "" if statement is None else ast.unparse(statement)
    return WatchRemedy(place.line, text.replace(".sum()", ".mean()"), text) if text.count(".sum()") == 1 else None
