"""A descent while it runs: what each backward found and left."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from gdcli.watching.amounts import Extents, amount, amounts, distance, is_finite, is_zero
from gdcli.watching.graph import graph_of, is_compiled, shape_at_the_top
from gdcli.watching.kept import KeptIterations
from gdcli.watching.seen import EVENTS, Amount, Event, Failure, Iteration, LeafState, WatchedDescent
from gdcli.watching.tracked import Leaves, Tracked, rebound

if TYPE_CHECKING:
    from gdcli.watching.recorder import Recorder

_FIRST_LOOKS = 3
_ORDER = operator.attrgetter("order")
_MOST_GRAPHS = 24
_MOST_TOPS = 4


@functools.cache
def _reduces(kind: Any) -> bool:
    """Whether an operation makes a number of many, whose count may be another one in each batch; or there is none."""
    name = kind.__name__
    return any(word in name for word in ("Sum", "Mean", "Loss", "Norm", "Dot", "Nll", "Compiled", "NoneType"))


class RunningDescent:
    """What the backwards of one line do."""

    def __init__(self, seen: WatchedDescent, recorder: Recorder, index: int) -> None:
        self.seen = seen
        self.recorder = recorder
        self.index = index
        self.leaves = Leaves(seen, recorder)
        self.wants_lines = False
        self._kept = KeptIterations(recorder.keep)
        self._current: Iteration | None = None  # the last one whose backward has ended
        self._begun: Iteration | None = None
        self.reached: list[Tracked] = []
        self._tops: set[tuple[int, ...] | None] = set()
        self._leaves: list[Tracked] = []  # those that are reached, in the order of the graph
        self._steady: list[Tracked] = []  # the same, while iterations are alike
        self._stable = False  # the last two iterations had a leaf in common
        self._module: dict[str, Any] | None = None  # the variables of the caller, if it is no function
        self._by_grad = False
        self.left = False  # a descent with other leaves has had a backward since
        self._holders: set[int] = set()
        self._optimizers_known = -1
        self._extents = Extents()  # of the iteration that is looked at

    def is_another(self, leaves: list[torch.Tensor]) -> bool:
        """Whether a loss with these leaves begins another descent: they are all new, and stayed the same before."""
        return self._stable and bool(leaves) and not any(map(self.leaves.known, leaves))

    @property
    def is_steady(self) -> bool:
        """Whether the last iterations were alike."""
        return bool(self._steady)

    def goes_on(self, loss: torch.Tensor, leaves: list[torch.Tensor], frame: FrameType, *, inside_step: bool) -> bool:
        """Note what ``begin`` notes, in a fraction of its time, where an iteration is like the last one.

        That is so of most iterations of a loop over a few numbers: the same leaves, all of them small and moved in
        place, and a finite loss. Returns whether it was.
        """
        number, current, steady = self.seen.count, self._current, self._steady
        if current is None or len(leaves) != len(steady) or number & (number - 1) == 0 or self.left:
            return False
        if loss.numel() != 1 or _reduces(type(loss.grad_fn)):  # type: ignore[arg-type]
            return False
        total = loss.item()
        if not math.isfinite(total):
            return False
        for leaf, each in zip(leaves, steady, strict=True):
            if each.strong is not leaf:
                return False
        values = []
        for each in self.reached:
            value = each.strong.item() if each.is_scalar else each.strong.tolist()  # type: ignore[union-attr]
            if value == each.state.value and each.variable is not None:  # type: ignore[union-attr]
                bound = frame.f_locals.get(each.variable)
                if bound is not None and bound is not each.strong:
                    return False
            values.append(value)
        stepped = {event.optimizer for event in current.events if event.kind == "step"} if current.events else None
        for each, value in zip(self.reached, values, strict=True):
            state, grad = each.state, each.strong.grad  # type: ignore[union-attr]
            state.moved = abs(value - state.value) if each.is_scalar else distance(state.value, value)  # type: ignore[union-attr, operator]
            if state.moved:  # type: ignore[union-attr]
                steps = stepped and not stepped.isdisjoint(self.recorder.holders(each.key))
                state.by = "step" if steps else "in place"  # type: ignore[union-attr]
            each.now = value
            if grad is None:
                each.before, each.grad_before = "none", None
            else:
                each.grad_before = before = grad.item() if each.is_scalar else grad.tolist()
                each.before = "zero" if is_zero(before) else "kept" if before == state.grad else "other"  # type: ignore[union-attr]
        self._current = None
        self._kept.add(current, always=current.looked or current.number == self.seen.not_finite)
        if self.recorder.done is not None:
            self.recorder.done(self.index, self.seen, current)
        self._begun = Iteration(number, total, {}, current.reached, [], 0, 1.0, None, inside_step, False)
        return True

    def begin(  # noqa: PLR0913 -- all that is known when backward begins
        self,
        losses: list[torch.Tensor],
        leaves: list[torch.Tensor],
        loss: float,
        scale: float,
        frame: FrameType,
        *,
        inside_step: bool = False,
        by_grad: bool = False,
    ) -> None:
        """Backward begins: note what is in ``.grad``, and how the leaves moved since the last iteration."""
        number = self.seen.count
        new = [leaf for leaf in leaves if self.leaves.known(leaf) is None]
        looks = number < _FIRST_LOOKS or number & (number - 1) == 0
        looks = looks or (self.seen.not_finite is None and not math.isfinite(loss))
        top = shape_at_the_top(losses)
        if top not in self._tops and len(self._tops) < _MOST_TOPS:  # a batch of another size
            self._tops.add(top)
            looks = True
        if looks or (new and self.leaves.take(new, frame)):
            self.leaves.look(frame, leaves)
        reached = [each for each in map(self.leaves.known, leaves) if each is not None]
        for each in reached:
            each.now = None
        self._leaves, self._steady = list(reached), []
        reached.sort(key=_ORDER)
        bound = rebound(reached, frame.f_locals) if any(each.variable for each in reached) else {}
        self._close({each.name: leaf for each in reached if (leaf := each.ref()) is not None} | bound)
        self._stable = number > 0 and len(new) < len(leaves) and not bound
        self._module = frame.f_globals if frame.f_locals is frame.f_globals else None
        self.reached, self._by_grad, self.left = reached, by_grad, False
        if not by_grad:
            for each in reached:
                each.note_before()
        self._begun = Iteration(
            number, loss, {}, [each.name for each in reached], [], 0, scale, None, inside_step, looks
        )
        for name, tensor in bound.items():
            self._begun.leaves[name] = LeafState(amount(tensor), None, is_leaf=tensor.is_leaf)
        if looks:
            self._extents = Extents()
            self._look_at_graph(losses, number)

    def end(self, grads: list[Any] | None = None) -> None:
        """Backward has ended: note values and gradients; ``grads`` are those that were returned."""
        iteration, seen = self._begun, self.seen
        if iteration is None:
            return
        if grads is None and not iteration.looked and self._steady and self._ended_steadily(iteration):
            return
        finite = math.isfinite(iteration.loss)
        there = [(i, each, leaf) for i, each in enumerate(self.reached) if (leaf := each.ref()) is not None]
        slopes = [leaf.grad if grads is None else grads[i] if i < len(grads) else None for i, _, leaf in there]
        noted = amounts([*(leaf for _, _, leaf in there), *slopes], self._extents if iteration.looked else None)
        for i, (_, each, leaf) in enumerate(there):
            state = each.note(leaf, slopes[i], noted[i], noted[i + len(there)], closely=iteration.looked)
            finite = finite and is_finite(state.value) and is_finite(state.grad)
            if each.name in iteration.leaves:
                each.state = iteration.leaves[each.name]
            else:
                iteration.leaves[each.name] = state
        if len(iteration.leaves) < len(self.leaves):
            self._add_unreached(iteration)
        if not finite and seen.not_finite is None:
            seen.not_finite = iteration.number
        if math.isfinite(iteration.loss) and (seen.smallest is None or iteration.loss < seen.smallest[1]):
            seen.smallest = iteration.number, iteration.loss
        seen.count += 1
        self._note_holders()
        self.wants_lines = seen.count == 1 and not any(node.place for graph in seen.graphs for node in graph.nodes)
        self._current, self._begun = iteration, None
        is_steady = not self._by_grad and self._stable and not any(not each.few for each in self.reached)
        self._steady = self._leaves if is_steady and len(iteration.leaves) == len(self.reached) and finite else []

    def _note_holders(self) -> None:
        self._holders = {index for each in self.reached for index in self.recorder.holders(each.key)}
        self._optimizers_known = self.recorder.optimizers_changed

    def _ended_steadily(self, iteration: Iteration) -> bool:
        """Note what ``end`` notes, where ``goes_on`` has noted how it began; returns whether that was so."""
        leaves = iteration.leaves
        if leaves or any(each.now is None for each in self.reached):
            return False
        seen, finite = self.seen, True
        for each in self.reached:
            grad = each.strong.grad  # type: ignore[union-attr]
            number: Amount = None if grad is None else grad.item() if each.is_scalar else grad.tolist()
            each.state = leaves[each.name] = LeafState(each.now, number, each.grad_before, each.before)
            each.now = None
            finite = finite and is_finite(number)
        if not finite and seen.not_finite is None:
            seen.not_finite = iteration.number
        if seen.smallest is None or iteration.loss < seen.smallest[1]:
            seen.smallest = iteration.number, iteration.loss
        seen.count += 1
        self._current, self._begun = iteration, None
        return True

    def fail(self, failure: Failure) -> None:
        """Backward has raised an error."""
        self.seen.failure = failure
        self._begun, self._steady = None, []

    def other_backward(self, event: Event, leaves: Iterable[Tracked]) -> None:
        """Another descent has begun an iteration; where it has no leaf in common, this one may be over."""
        keys = {each.key for each in leaves}
        if not self.left and all(each.key not in keys for each in self.reached):
            self.event(event)
            self.left = True

    def event(self, event: Event) -> None:
        """Something was called since the last backward.

        Once another descent has begun, only what an optimizer of these leaves does is still about this one.
        """
        if self._optimizers_known != self.recorder.optimizers_changed:
            self._note_holders()
        iteration, holds = self._current, event.optimizer in self._holders
        if iteration is None or (self.left and not holds):
            return
        if event.kind == "step" and event.optimizer is not None:
            if holds and iteration.lr is None and event.rates:
                iteration.lr = event.rates[0] if len(set(event.rates)) == 1 else event.rates
            if event.optimizer not in self.seen.optimizers:
                self.seen.optimizers.append(event.optimizer)
        if len(iteration.events) < EVENTS:
            iteration.events.append(event)
        else:
            iteration.more_events += 1

    def finish(self) -> None:
        """The descent is over: note where its leaves are now."""
        bound = {} if self._module is None else rebound(self.reached, self._module, only_computed=self.left)
        now = {each.name: leaf for each in self.reached if (leaf := each.ref()) is not None} | bound
        for name, leaf in now.items():
            grad = leaf.grad if leaf.is_leaf or leaf.retains_grad else None
            value = amount(leaf, closely=True)
            self.seen.result[name] = LeafState(value, amount(grad, closely=True), is_leaf=leaf.is_leaf)
        self._close(now)
        self.leaves.note_held()
        self.seen.iterations = self._kept.iterations
        self.reached, self._module = [], None
        self.leaves = Leaves(self.seen, self.recorder)

    def _close(self, now: dict[str, torch.Tensor]) -> None:
        """The last iteration is over: note how its leaves moved, and keep it. ``now`` is what their names stand for."""
        iteration = self._current
        if iteration is None:
            return
        self._current = None
        stepped = {event.optimizer for event in iteration.events if event.kind == "step"}
        for each in self.reached:
            tensor = now.get(each.name)
            if tensor is not None:
                each.note_move(tensor, lambda key: not stepped.isdisjoint(self.recorder.holders(key)))
        self._kept.add(iteration, always=iteration.looked or iteration.number == self.seen.not_finite)
        if self.recorder.done is not None:
            self.recorder.done(self.index, self.seen, iteration)

    def _add_unreached(self, iteration: Iteration) -> None:
        for name, each in self.leaves.by_name.items():
            leaf = each.ref()
            if name not in iteration.leaves and leaf is not None:
                iteration.leaves[name] = LeafState(amount(leaf), None if self._by_grad else amount(leaf.grad))

    def _look_at_graph(self, losses: list[torch.Tensor], number: int) -> None:
        root = next((loss.grad_fn for loss in losses if loss.grad_fn is not None), None)
        if root is None:
            return
        graph = graph_of(root, number, self.leaves.name_of, self.recorder.places, self._extents)
        if len(self.seen.graphs) >= _MOST_GRAPHS:
            del self.seen.graphs[_MOST_GRAPHS // 2]
        self.seen.graphs.append(graph)
        self.seen.inside_compiled = self.seen.inside_compiled or is_compiled(graph)
