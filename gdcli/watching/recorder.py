"""The recorder: what a script's backwards, steps and zero_grads did, by the hooks of PyTorch."""

from __future__ import annotations

import functools
import math
import os
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

import torch

from gdcli.watching.amounts import plain
from gdcli.watching.graph import leaves_of
from gdcli.watching.hooks import Hooks
from gdcli.watching.places import Places
from gdcli.watching.running import RunningDescent
from gdcli.watching.seen import (
    EVENTS,
    Event,
    EventKind,
    Failure,
    Iteration,
    OptimizerFacts,
    Place,
    WatchedDescent,
    WatchedScript,
)

KEEP = 2000
_DERIVATIVE = "gdcli_derivative"
_MOST_DESCENTS = 200
_MOST_OPEN = 16  # descents that events are written to

F = TypeVar("F", bound=Callable[..., Any])
Done = Callable[[int, WatchedDescent, Iteration], None]
"""Called with the index of a descent, the descent, and an iteration of it that is over."""


def _quietly(method: F) -> F:
    """A method that a script calls without knowing: an error in it is kept for the report, and never the script's."""

    @functools.wraps(method)
    def call(self: Recorder, *args: Any, **options: Any) -> Any:
        if not self.active:
            return None
        try:
            with self.lock:
                return method(self, *args, **options)
        except Exception as error:  # noqa: BLE001
            self.errors.append(error)
            return None

    return call  # type: ignore[return-value]


class Recorder:
    """Records what a script does, between ``start`` and ``stop``. ``keep`` iterations of each descent, 0 for all."""

    def __init__(self, *, keep: int = KEEP, done: Done | None = None) -> None:
        self.seen = WatchedScript()
        self.places = Places()
        self.keep = keep
        self.done = done
        self.process = os.getpid()
        self.lock = threading.RLock()
        self.errors: list[Exception] = []
        self.active = False
        self.optimizers_changed = 0  # how often what the optimizers hold has changed
        self.held: dict[int, dict[int, weakref.ref[torch.Tensor]]] = {}
        self._hooks = Hooks(self)
        self._running: dict[tuple[Any, ...], RunningDescent] = {}
        self._open: list[RunningDescent] = []
        self._optimizers: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._scales: dict[int, tuple[weakref.ref[torch.Tensor], float]] = {}
        self._stepping: dict[int, Place] = {}
        self._tracing = False

    def start(self) -> None:
        """Begin to listen, in this process: a child that the script forks has a recorder that nobody asks."""
        self.active = True
        if hasattr(os, "register_at_fork"):
            own = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _leave_alone(own()))
        self._hooks.install()

    def stop(self) -> None:
        """Put PyTorch back as it was, and finish all descents."""
        self._hooks.remove()
        self._trace(on=False)
        self.finish()
        self._running.clear()

    def finish(self) -> None:
        """Finish the descents that run: a cell has ended, or the script."""
        with self.lock:
            for running in list(self._running.values()):
                running.finish()
            self._open.clear()
            self._running.clear()

    def failed(self, error: BaseException) -> None:
        """The script has ended with an error."""
        message = "".join(map(str, error.args[:1])) if isinstance(error, SyntaxError) else str(error)
        self.seen.failure = Failure(type(error).__name__, message, self.places.of_traceback(error))

    # What a script does, in the order of a loop.

    @_quietly
    def zeroed(self, owner: Any) -> None:
        """``zero_grad`` of an optimizer or a module."""
        optimizer = self.number_of(owner) if isinstance(owner, torch.optim.Optimizer) else None
        self._event("zero_grad", self.places.here(), optimizer, [])

    def before_backward(self, losses: list[torch.Tensor], weights: list[Any], frame: FrameType) -> Any:
        """Backward begins: look at what is in ``.grad``."""
        try:
            if len(losses) == 1 and weights[0] is None and not self._tracing and not self._scales and self.active:
                key = frame.f_code, frame.f_lineno, threading.get_ident(), "backward"
                running = self._running.get(key)
                if running is not None and running.is_steady:
                    leaves = leaves_of(losses[0].grad_fn)
                    if running.goes_on(losses[0], leaves, frame, inside_step=key[2] in self._stepping):
                        return running
        except Exception as error:  # noqa: BLE001 -- it is not the script's
            self.errors.append(error)
        return self._before_backward(losses, weights, frame)

    @_quietly
    def _before_backward(self, losses: list[torch.Tensor], weights: list[Any], frame: FrameType) -> Any:
        self._trace(on=False)  # PyTorch would print more of an error in backward
        leaves = _leaves(losses)
        own = self.places.frame(frame) or frame
        running = self._descent_at(leaves, own, "backward")
        if running is None:
            return None
        loss, scale = self._loss(losses, weights)
        inside = threading.get_ident() in self._stepping
        running.begin(losses, leaves, loss, scale, own, inside_step=inside)
        return running

    @_quietly
    def after_backward(self, begun: Any, error: BaseException | None) -> None:
        """Backward has ended: the gradients are in ``.grad``."""
        if begun is None:
            return
        if error is None:
            begun.end()
        else:
            begun.fail(self._failure(error))
        if begun.wants_lines or self._open != [begun]:
            self._begun(begun, "backward")

    @_quietly
    def before_grad(
        self, losses: list[torch.Tensor], inputs: list[torch.Tensor], weights: list[Any], frame: FrameType
    ) -> Any:
        """``torch.autograd.grad`` of a number; what an earlier call has differentiated is no loss."""
        self._trace(on=False)
        if any(loss.numel() != 1 or _is_derivative(loss) for loss in losses):
            return None
        if not all(each.is_leaf for each in inputs):
            return None
        own = self.places.frame(frame) or frame
        running = self._descent_at(inputs, own, "grad")
        if running is None:
            return None
        loss, scale = self._loss(losses, weights)
        running.begin(losses, inputs, loss, scale, own, by_grad=True)
        return running

    @_quietly
    def after_grad(self, begun: Any, grads: Any, error: BaseException | None) -> None:
        """It has returned the gradients."""
        found = [grads] if isinstance(grads, torch.Tensor) else list(grads or [])
        for each in found:
            if isinstance(each, torch.Tensor) and each.grad_fn is not None:
                _metadata(each.grad_fn)[_DERIVATIVE] = True
        if begun is None:
            return
        if error is None:
            begun.end(found)
        else:
            begun.fail(self._failure(error))
        self._begun(begun, "grad")

    @_quietly
    def stepped(self, optimizer: torch.optim.Optimizer, *, ended: bool) -> None:
        """A step of an optimizer."""
        index = self.number_of(optimizer)
        rates = [float(group["lr"]) for group in optimizer.param_groups if "lr" in group]
        thread = threading.get_ident()
        place = self._stepping.pop(thread, None) if ended else None
        if place is None:
            place = self.places.here()
        if not ended:
            self._stepping[thread] = place
            facts = self.seen.optimizers[index]
            facts.steps += 1
            facts.place = facts.place or place
        self._event("step_end" if ended else "step", place, index, rates)

    @_quietly
    def scheduled(self, scheduler: Any) -> None:
        """A step of a schedule."""
        optimizer = getattr(scheduler, "optimizer", None)
        index = None if optimizer is None else self.number_of(optimizer)
        self._event("schedule", self.places.here(), index, [])

    @_quietly
    def scaled(self, scaler: Any, result: Any) -> None:
        """A loss that is scaled."""
        if isinstance(result, torch.Tensor) and scaler.is_enabled():
            self._scales = {key: each for key, each in self._scales.items() if each[0]() is not None}
            self._scales[id(result)] = (weakref.ref(result), float(scaler.get_scale()))

    @_quietly
    def unscaled(self, optimizer: torch.optim.Optimizer) -> None:
        """Gradients that are divided by the factor of their loss."""
        self._event("unscale", self.places.here(), self.number_of(optimizer), [])

    # What is known of optimizers.

    def number_of(self, optimizer: torch.optim.Optimizer, variable: str | None = None) -> int:
        """The index of an optimizer, which is noted when it is new."""
        known = self._optimizers.get(id(optimizer))
        if known is None or known[0]() is not optimizer:
            groups = [{key: plain(value) for key, value in group.items() if key != "params"}
                      for group in optimizer.param_groups]  # fmt: skip
            known = weakref.ref(optimizer), len(self.seen.optimizers)
            self._optimizers[id(optimizer)] = known
            self.seen.optimizers.append(OptimizerFacts(type(optimizer).__name__, groups, []))
        index = known[1]
        if variable is not None:
            self.seen.optimizers[index].variable = variable
        if len(self.held.get(index, ())) != sum(len(group["params"]) for group in optimizer.param_groups):
            held = [each for group in optimizer.param_groups for each in group["params"]]
            self.optimizers_changed += 1
            self.held[index] = {id(each): weakref.ref(each) for each in held}
            self.seen.optimizers[index].holds = [None] * len(held)
        return index

    def holders(self, key: int) -> list[int]:
        """The optimizers that hold a tensor, by its ``id``."""
        return [index for index, held in self.held.items() if (ref := held.get(key)) is not None and ref() is not None]

    # The parts of the above.

    def _descent_at(self, leaves: list[torch.Tensor], own: FrameType, kind: Any) -> RunningDescent | None:
        """The descent of a line, begun where it is new; None beyond the limit of descents."""
        key = own.f_code, own.f_lineno, threading.get_ident(), kind
        running = self._running.get(key)
        if running is not None and not running.is_another(leaves):
            return running
        run = 0
        if running is not None:
            running.finish()
            self._open = [each for each in self._open if each is not running]
            run = running.seen.run + 1
        if len(self.seen.descents) >= _MOST_DESCENTS:
            self.seen.descents_left_out += 1
            self._running.pop(key, None)
            return None
        seen = WatchedDescent(self.places.place(own), kind, run, leaves={}, iterations=[], result={}, frame=[],
                              graphs=[], optimizers=[])  # fmt: skip
        running = self._running[key] = RunningDescent(seen, self, len(self.seen.descents))
        self.seen.descents.append(seen)
        return running

    def _loss(self, losses: list[torch.Tensor], weights: list[Any]) -> tuple[float, float]:
        """The number that is differentiated, and the factor that it was scaled by."""
        total, scale = 0.0, 1.0
        weights = weights if len(weights) == len(losses) else [None] * len(losses)
        for loss, weight in zip(losses, weights, strict=True):
            if weight is not None:
                total += (loss.detach() * weight).sum().item()
            elif loss.numel() == 1 and not loss.is_complex():
                total += loss.item()
            else:
                total = math.nan
        if self._scales and (known := self._scales.get(id(losses[0]))) and known[0]() is losses[0]:
            scale = known[1]
        return total / scale, scale

    def _failure(self, error: BaseException) -> Failure:
        place = self.places.of_traceback(error) or self.places.here()
        return Failure(type(error).__name__, str(error), place, in_backward=True)

    def _begun(self, running: RunningDescent, kind: EventKind) -> None:
        """Have the other descents know of a backward, and this one of the events that follow."""
        for other in self._open:
            if other is not running:
                other.other_backward(Event(kind, running.seen.place), running.reached)
        if running not in self._open:
            self._open = [*self._open[-_MOST_OPEN + 1 :], running]
        if running.wants_lines:
            self._trace(on=True)

    def _event(self, kind: EventKind, place: Place, optimizer: int | None, rates: list[float]) -> None:
        event = Event(kind, place, optimizer, rates)
        for running in self._open:
            running.event(event)
        if not self._open and len(self.seen.loose_events) < EVENTS:
            self.seen.loose_events.append(event)

    def _trace(self, *, on: bool) -> None:
        """Have PyTorch note the line of each operation until the next backward, unless the script has it done."""
        if on == self._tracing or (on and torch.is_anomaly_enabled()):
            return
        self._tracing = on
        torch.autograd.set_detect_anomaly(on, check_nan=False)


def _leave_alone(recorder: Recorder | None) -> None:
    if recorder is not None:
        recorder.active = False


def _leaves(losses: list[torch.Tensor]) -> list[torch.Tensor]:
    """The leaves that the graphs of losses reach, each once."""
    found: dict[int, torch.Tensor] = {}
    for loss in losses:
        if loss.grad_fn is not None:
            found |= {id(leaf): leaf for leaf in leaves_of(loss.grad_fn)}
        elif loss.requires_grad:
            found[id(loss)] = loss
    return list(found.values())


def _metadata(node: Any) -> dict[str, Any]:
    """What is noted on a node of the graph as long as it lives; not every node has weak references."""
    return node.metadata  # type: ignore[no-any-return]


def _is_derivative(loss: torch.Tensor) -> bool:
    """Whether an earlier ``torch.autograd.grad`` has made it."""
    return loss.grad_fn is not None and _DERIVATIVE in _metadata(loss.grad_fn)
