"""A descent that is looked at for findings: its gradients, moves and rates, and the lines where they come from."""

from __future__ import annotations

import ast
import functools
import itertools
import math
from typing import Any

from gdcli.contract.watch import WatchFinding, WatchFindingCode, WatchRemedy
from gdcli.watching.amounts import flat, is_zero
from gdcli.watching.findings.source import Source, Sources, path
from gdcli.watching.seen import (
    Amount,
    Extent,
    Graph,
    Iteration,
    Leaf,
    OptimizerFacts,
    Place,
    WatchedDescent,
    WatchedScript,
)

EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}
"""The distance from 1 to the next number of a dtype."""
_NOISE = 1e-4  # of the loss: a change that may be rounding
_OFF = 0.25  # how far the loss of one function may be off what its gradients say, relative
_OFTEN = 0.3  # the share of steps that may be farther off
_NUMBERS = 50_000  # that are looked at, of all points together
_FEW_POINTS = 25  # of each end of a run, however many numbers a point has
_ROUNDED = 0.05  # how far rounding may take a rate that is measured from the one that is written


class Case:
    """One descent of a script, with what is computed from it.

    Vectors join the numbers of all leaves that an iteration has; they are None where a leaf has too many. Norms are
    over all leaves that the loss reaches.
    """

    def __init__(self, script: WatchedScript, index: int, sources: Sources) -> None:
        self.script = script
        self.index = index
        self.descent: WatchedDescent = script.descents[index]
        self.sources = sources
        self.source: Source = sources.of(self.descent.place)
        self.iterations: list[Iteration] = self.descent.iterations

    # Findings

    def finding(  # noqa: PLR0913 -- the parts of a finding
        self,
        code: WatchFindingCode,
        message: str,
        place: Place | int | None,
        evidence: dict[str, Any],
        change: str,
        *,
        remedy: WatchRemedy | None = None,
        guess: bool = False,
    ) -> WatchFinding:
        """A finding at a place, at a line of the file of this descent, or (None) at the line of its backward."""
        own = self.descent.place
        file = place.file if isinstance(place, Place) else own.file
        line = place.line if isinstance(place, Place) else place if place is not None else own.line
        return WatchFinding(code, message, file, line, evidence, change, remedy, guess, self.index)

    # Leaves

    @functools.cached_property
    def is_loop(self) -> bool:
        """Whether the line of backward was run more than once, or ended by an error in a loop."""
        return self.descent.count > 1 or (self.failed and self.source.is_in_loop(self.descent.place.line))

    @property
    def failed(self) -> bool:
        """Whether the script ended with an error in this descent: in backward, or in the loop about it."""
        failure = self.descent.failure or self.script.failure
        if failure is None or failure.place is None or failure.place.file != self.descent.place.file:
            return False
        return self.source.function(failure.place.line) is self.source.function(self.descent.place.line)

    @functools.cached_property
    def reached(self) -> list[Leaf]:
        """The leaves that the loss reaches."""
        return [leaf for leaf in self.descent.leaves.values() if leaf.reached]

    def moves(self, name: str) -> list[float]:
        """How far a leaf moved after each kept iteration, where that is known."""
        states = (each.leaves.get(name) for each in self.iterations)
        return [state.moved for state in states if state is not None and state.moved is not None]

    @functools.cached_property
    def stands_still(self) -> bool:
        """Whether no leaf moved, as far as that is known of at least one."""
        known = [self.moves(leaf.name) for leaf in self.reached]
        return any(known) and not any(map(any, known))

    # Numbers of iterations

    def vector(self, iteration: Iteration, what: str) -> list[float] | None:
        """The ``value`` or the ``grad`` of all leaves that an iteration reached, joined; None where numbers lack."""
        joined: list[float] = []
        for name in sorted(iteration.reached):
            state = iteration.leaves.get(name)
            amount: Amount = None if state is None else getattr(state, what)
            if amount is None or isinstance(amount, Extent):
                return None
            joined += flat(amount)
        return joined or None

    def slope(self, iteration: Iteration) -> float:
        """The norm of the gradient."""
        return _norm([state.grad for name, state in iteration.leaves.items() if name in iteration.reached])

    def size(self, iteration: Iteration) -> float:
        """The size of the point, 1 + |x|."""
        return 1.0 + _norm([state.value for name, state in iteration.leaves.items() if name in iteration.reached])

    @functools.cached_property
    def finite(self) -> list[Iteration]:
        """The kept iterations up to the first one that is not finite."""
        until = math.inf if self.descent.not_finite is None else self.descent.not_finite
        return [each for each in self.iterations if each.number < until]

    @functools.cached_property
    def points(self) -> list[tuple[int, list[float], list[float]]]:
        """Number, value and gradient of the finite iterations whose numbers are few: the first and the last ones."""
        found = []
        count = sum(leaf.count for leaf in self.reached)
        edge = max(_FEW_POINTS, _NUMBERS // (2 * max(count, 1)))
        its = self.finite if len(self.finite) <= 2 * edge else [*self.finite[:edge], *self.finite[-edge:]]
        for each in its:
            value, grad = self.vector(each, "value"), self.vector(each, "grad")
            grad = grad if grad is None or each.scale == 1 else [x / each.scale for x in grad]
            if value is not None and grad is not None and len(value) == len(grad):
                found.append((each.number, value, grad))
        return found

    @functools.cached_property
    def pairs(self) -> list[tuple[tuple[int, list[float], list[float]], tuple[int, list[float], list[float]]]]:
        """Points that followed each other directly, of the same leaves."""
        return [
            (one, other)
            for one, other in itertools.pairwise(self.points)
            if other[0] == one[0] + 1 and len(one[1]) == len(other[1])
        ]

    @functools.cached_property
    def cosines(self) -> list[float]:
        """The cosines of successive gradients, where neither is 0."""
        found = []
        for one, other in self.pairs:
            length = math.hypot(*one[2]) * math.hypot(*other[2])
            if length > 0 and math.isfinite(length):
                found.append(sum(a * b for a, b in zip(one[2], other[2], strict=True)) / length)
        return found

    @functools.cached_property
    def secants(self) -> list[tuple[int, float, float, float]]:
        """Of each step: its iteration, its length, how far the gradient changed, and lr by what it did.

        |change of gradient| / |step| is no more than the largest curvature on the way, L. ``lr`` is the part of the
        gradient that the step went against: plain gradient descent's rate; negative where it went along.
        """
        found = []
        for one, other in self.pairs:
            step = [b - a for a, b in zip(one[1], other[1], strict=True)]
            length, slope = math.hypot(*step), math.hypot(*one[2])
            if not (0 < length < math.inf and 0 < slope < math.inf):
                continue
            along = -sum(s * g for s, g in zip(step, one[2], strict=True)) / slope**2
            found.append((one[0], length, math.dist(one[2], other[2]), along))
        return found

    @functools.cached_property
    def is_plain(self) -> bool:
        """Whether the steps are those of plain gradient descent: along the gradient, at one rate, as far as seen."""
        cosines = []
        for one, other in self.pairs:
            step = [b - a for a, b in zip(one[1], other[1], strict=True)]
            length = math.hypot(*step) * math.hypot(*one[2])
            if length > 0 and math.isfinite(length):
                cosines.append(-sum(s * g for s, g in zip(step, one[2], strict=True)) / length)
        if not cosines or min(map(abs, cosines)) <= 0.999:
            return False
        rates = sorted(lr for _, _, _, lr in self.secants)
        return abs(rates[-1] - rates[0]) <= 2 * _ROUNDED * abs(rates[len(rates) // 2])

    @functools.cached_property
    def has_one_shape(self) -> bool:
        """Whether all graphs that were looked at have the same shapes."""
        return len({tuple(tuple(node.shape or ()) for node in graph.nodes) for graph in self.descent.graphs}) <= 1

    @functools.cached_property
    def is_repeatable(self) -> bool:
        """Whether the loss is, as far as is known, one function of the leaves: no batches that change.

        Shapes that change show batches. Of one function, the loss changes by about the mean of the two
        gradients along the step (of a quadratic exactly); of data that change, it does not.
        """
        if not self.has_one_shape:
            return False
        losses = {each.number: each.loss for each in self.finite}
        off = []
        for (i, x, g), (k, y, h) in self.pairs:
            before, after = (sum(s * (b - a) for s, a, b in zip(slope, x, y, strict=True)) for slope in (g, h))
            size = max(abs(before), abs(after))
            if size > _NOISE * max(abs(losses[i]), abs(losses[k])):
                off.append(abs(losses[k] - losses[i] - (before + after) / 2) / size)
        return sum(each > _OFF for each in off) <= _OFTEN * len(off)

    # Rates and lines

    @functools.cached_property
    def optimizer(self) -> OptimizerFacts | None:
        """The optimizer that stepped in this descent, if it was one alone."""
        if len(self.descent.optimizers) != 1:
            return None
        return self.script.optimizers[self.descent.optimizers[0]]

    @functools.cached_property
    def optimizers(self) -> list[OptimizerFacts]:
        """The optimizers that stepped in this descent, or that hold a leaf of it."""
        names = {leaf.name for leaf in self.reached}
        return [
            each
            for i, each in enumerate(self.script.optimizers)
            if i in self.descent.optimizers or names.intersection(name for name in each.holds if name)
        ]

    def made_at(self, optimizer: OptimizerFacts) -> Place | None:
        """The line where an optimizer is made: the assignment to its name, in the source."""
        own = self.descent.place
        attribute = (optimizer.variable or "").rpartition(".")[2]
        for node in ast.walk(self.source.tree):
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
                continue
            called = (path(node.value.func) or "").rpartition(".")[2]
            names = {(path(each) or "").rpartition(".")[2] for each in node.targets}
            if called == optimizer.name and (attribute in names or not attribute):
                return Place(own.file, node.lineno, "")
        return optimizer.place

    @functools.cached_property
    def rate_place(self) -> Place | None:
        """The line that says the rate: where the optimizer is made, or where the update is written."""
        if self.optimizer is not None:
            return self.made_at(self.optimizer)
        return self.update_place

    @functools.cached_property
    def update(self) -> ast.stmt | None:
        """The statement that updates leaves by hand, in the source."""
        for name in [*(leaf.variable for leaf in self.reached if leaf.variable), None]:
            if found := self.source.updates(self.descent.place.line, name):
                return found[0]
        return None

    @property
    def update_place(self) -> Place | None:
        """Its line."""
        return None if self.update is None else Place(self.descent.place.file, self.update.lineno, "")

    @functools.cached_property
    def rate(self) -> float | None:
        """The learning rate: the optimizer's, or by what the first steps did, or as it stands in the source."""
        if self.optimizer is not None:
            lr = next((each.lr for each in self.iterations if each.lr is not None), None)
            return max(lr) if isinstance(lr, list) else lr
        written = None if self.update is None else self.source.rate(self.update)
        if not self.is_plain:
            return written
        rates = sorted(abs(lr) for _, _, _, lr in self.secants)
        measured = rates[len(rates) // 2]
        return written if written is not None and abs(written - measured) <= _ROUNDED * measured else measured

    def zero_grad_text(self, name: str) -> str:
        """The code that sets the gradient of a leaf to zero, with those beside it."""
        holders = [each for each in self.optimizers if name in each.holds] or self.optimizers
        if holders:
            return f"{holders[0].variable or 'optimizer'}.zero_grad()"
        names = [leaf.variable for leaf in self.reached if leaf.variable]
        return " = ".join(f"{name}.grad" for name in names) + " = None" if names else "model.zero_grad()"

    # Graphs

    def place_of(self, graph: Graph, index: int) -> Place | None:
        """The line of an operation: as it was noted there, or in a graph of the same operations."""
        node = graph.nodes[index]
        if node.place is not None:
            return node.place
        ops = [each.op for each in graph.nodes]
        for other in self.descent.graphs:
            if len(other.nodes) > index and other.nodes[index].place and [each.op for each in other.nodes] == ops:
                return other.nodes[index].place
        return None


def size_of(amount: Amount) -> float:
    """The norm of a tensor, 0 for none."""
    if isinstance(amount, Extent):
        return amount.norm
    return math.hypot(*flat(amount)) if amount is not None else 0.0


def _norm(amounts: list[Amount]) -> float:
    return math.hypot(*(size_of(each) for each in amounts if each is not None))


def nothing(amount: Amount) -> bool:
    """Whether there is no gradient, or all of it is 0."""
    return amount is None or is_zero(amount)
