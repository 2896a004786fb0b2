"""One step of a descent for many runs, as a list of operations: evaluation, clipping, update, bounds.

It is recorded once: the evaluation and its backward pass from a single run, the update from ``elementwise.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from gdcli.batch.elementwise import ELEMENTWISE
from gdcli.batch.operations import Operation, copied, lifted
from gdcli.batch.parameters import Given, Parameters
from gdcli.batch.recording import Level, NotRecordedError, Recorded, Recorder, Slot
from gdcli.errors import GdcliError
from gdcli.tensors import Problem, rows_of

_PROPAGATING = {"add.Tensor", "sub.Tensor", "mul.Tensor", "neg.default", "addcmul.default"}


@dataclass(frozen=True, slots=True)
class StepSettings:
    """What a step does beside evaluating: the rule and its parameters, the clipping, the bounds of each element.

    A float of ``parameters`` may be a tensor of shape (n,): its values over some runs. ``varying`` are the parameters,
    by the names within the rule, that differ from run to run, and ``rates`` says that the learning rate changes from
    step to step. A ``row`` is an element of a variable; with ``row_rates`` each has a learning rate of its own.
    """

    rule: str
    parameters: Mapping[str, Given]
    varying: frozenset[str] = frozenset()
    row_rates: bool = False
    rates: bool = False
    clip_value: float | None = None
    low: torch.Tensor | None = None
    high: torch.Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StepInputs:
    """Values that depend on the number of the step: ``function(t, *parameters)``, for each combination of parameters.

    ``parameters`` has the value of each, None where it differs from run to run.
    """

    function: Callable[..., tuple[float, ...]]
    parameters: Mapping[str, float | None]
    slots: tuple[Slot, ...]


@dataclass(slots=True, eq=False)
class Update:
    """An update: its operations, and the slots of the new points and of the new state."""

    operations: list[Operation]
    x: Slot
    state: dict[str, Slot]
    inputs: list[StepInputs]


@dataclass(slots=True, eq=False)
class Step:
    """A step, recorded. ``x`` has shape (elements,); the gradient of each of ``rows`` is one of ``gradients``.

    ``parameters`` are the slots of those that differ from run to run or from step to step, float64. ``first`` is the
    update of the first step, which makes the state, and ``update`` that of all others.
    """

    x: Slot
    rows: dict[str, slice]
    loss: Slot
    gradients: dict[str, Slot]
    gradient: Slot
    evaluation: list[Operation]
    first: Update
    update: Update
    parameters: dict[str, Slot] = field(default_factory=dict)
    state: dict[str, Slot] = field(default_factory=dict)

    @property
    def propagates(self) -> bool:
        """Whether a gradient that is not finite makes all later points so: no update takes a part of a number alone."""
        operations = self._updated()
        return bool(operations) and all(each.name in _PROPAGATING or each.view for each in operations)

    @property
    def rests(self) -> bool:
        """Whether a gradient of 0 moves nothing, and so stays: an update is the point less a multiple of it."""
        operations = self._updated()
        if self.state or self.update.inputs or any(s.level is Level.STEP for s in self.parameters.values()):
            return False
        if not operations or operations[-1].result is not self.update.x:
            return False
        last, others = operations[-1], operations[:-1]
        return (
            last.name in ("sub.Tensor", "addcmul.default")
            and last.arguments[0] is self.x
            and [slot for operation in operations for slot in operation.slots].count(self.x) == 1
            and all(operation.name in ("mul.Tensor", "neg.default") for operation in others)
        )

    def _updated(self) -> list[Operation]:
        """The operations of an update that are made in each step."""
        return [operation for operation in self.update.operations if operation.result.level is Level.STATE]

    @property
    def approximate(self) -> list[str]:
        """The operations whose bits are not always those of a single run."""
        found = (operation for operation in self.evaluation if not operation.keywords.get("exact", True))
        return sorted({operation.name.split(".")[0] for operation in found})


def record_step(problem: Problem, settings: StepSettings, *, evaluates: bool = True) -> Step:
    """Record a step of a descent; without ``evaluates``, its update alone.

    Raises:
        NotRecordedError: for an operation that cannot be made for many runs; the message names it.
    """
    x, rows = places_of(problem)
    gradient = Slot(x.shape, x.dtype, Level.STATE)
    recorder = _UpdateRecorder(x, gradient, settings)
    if evaluates:
        evaluation, loss, gradients = record_evaluation(problem, x, rows)
    else:
        evaluation, loss, gradients = [], Slot((), x.dtype, Level.STATE), {}
    first, state = recorder.update(1, {})
    update, _ = recorder.update(2, state)
    return Step(x, rows, loss, gradients, gradient, evaluation, first, update, recorder.slots, state)


def places_of(problem: Problem) -> tuple[Slot, dict[str, slice]]:
    """The points of the runs, of shape (elements,), and which rows of them each variable has."""
    dtype = next(iter(problem.leaves.values())).dtype
    return Slot((problem.unknowns,), dtype, Level.STATE), rows_of(problem.leaves)


def record_evaluation(
    problem: Problem, x: Slot, rows: Mapping[str, slice]
) -> tuple[list[Operation], Slot, dict[str, Slot]]:
    """The operations of the loss and its gradient, recorded from a single run, and their slots.

    ``rows`` of the points ``x`` are the elements of each variable.

    Raises:
        NotRecordedError: for an operation that cannot be made for many runs.
    """

    def evaluated(loss: torch.Tensor, leaves: list[torch.Tensor]) -> list[torch.Tensor]:
        # Given a gradient of the loss, PyTorch would import SymPy, and that takes long.
        return [loss, *torch.autograd.grad(loss, leaves, materialize_grads=True)]

    operations, (loss, *gradients) = recorded_run(problem, x, rows, evaluated)
    return operations, loss, dict(zip(rows, gradients, strict=True))


def recorded_run(
    problem: Problem,
    x: Slot,
    rows: Mapping[str, slice],
    compute: Callable[[torch.Tensor, list[torch.Tensor]], Sequence[torch.Tensor]],
) -> tuple[list[Operation], list[Slot]]:
    """The operations of a single run with what ``compute`` makes of its loss and its variables; the slots of that.

    Raises:
        NotRecordedError: for an operation that cannot be made for many runs; the message names it.
    """
    recorder = Recorder(many=False)
    operations: list[Operation] = []
    leaves = {name: leaf.detach().clone().requires_grad_() for name, leaf in problem.leaves.items()}
    for name, leaf in leaves.items():
        slot = Slot(tuple(leaf.shape), leaf.dtype, Level.STATE)
        recorder.know(leaf, slot)
        operations.append(_part_of(x, rows[name], slot))
    tensors = {**problem.tensors, **leaves}
    try:
        with recorder:
            found = compute(problem.objective(*tensors.values()).reshape(()), list(leaves.values()))
    except GdcliError as error:
        raise NotRecordedError(error.message) from error
    operations += _lifted(recorder.operations)
    if recorder.refused:
        raise NotRecordedError(recorder.refused)
    return operations, [recorder.slot_of(tensor) for tensor in found]


def _part_of(x: Slot, rows: slice, slot: Slot) -> Operation:
    """A variable as a part of the points."""

    def run(points: torch.Tensor) -> torch.Tensor:
        return points[rows].view(*slot.shape, points.shape[-1])

    return Operation("variable", run, (x,), slot, {"rows": rows}, view=True)


def _lifted(recorded: Sequence[Recorded]) -> Iterable[Operation]:
    return [operation for each in recorded for operation in lifted(each)]


class _UpdateRecorder(Parameters):
    """The parameters of a rule, that record what the rule does with them."""

    def __init__(self, x: Slot, gradient: Slot, settings: StepSettings) -> None:
        count = max((len(v) for v in _tensors(settings.parameters)), default=3)
        example = torch.ones(x.shape[0], count, dtype=x.dtype)
        super().__init__(settings.rule, _as_long_as(settings.parameters, count), example)
        self.settings = settings
        self.x, self.gradient, self.example = x, gradient, example
        self.recorder = Recorder(many=True)
        self.slots: dict[str, Slot] = {}
        self.inputs: list[StepInputs] = []
        shape = example.shape if settings.row_rates else (count,)
        for name, number in self._numbers.items():
            changes = name == "lr" and settings.rates
            if changes and name not in settings.varying:
                self._numbers[name] = number.clone()
                self.slots[name] = Slot((), number.dtype, Level.STEP, many=False)
            elif name in settings.varying:
                value = number.expand(shape if name == "lr" else (count,)).clone()
                level = Level.STEP if changes else Level.RUNS
                self._numbers[name] = value
                self.slots[name] = Slot(tuple(value.shape[:-1]), value.dtype, level)

    def update(self, t: int, state: Mapping[str, Slot]) -> tuple[Update, dict[str, Slot]]:
        """Step ``t``, recorded: from x, the gradient and the state to the new x and the new state."""
        recorder = self.recorder = Recorder(many=True)
        self.inputs = []
        x, g = self.example.clone(), self.example.clone()
        recorder.know(x, self.x)
        recorder.know(g, self.gradient)
        for name, slot in self.slots.items():
            recorder.know(self._numbers[name], slot)
        kept = {}
        for name, slot in state.items():
            kept[name] = torch.ones((*slot.shape, *self.example.shape[1:] * slot.many), dtype=slot.dtype)
            recorder.know(kept[name], slot)
        with recorder:
            if self.settings.clip_value is not None:
                g = g.clamp(-self.settings.clip_value, self.settings.clip_value)
            if self.plain("maximize"):
                g = -g
            moved, new = ELEMENTWISE[self.settings.rule](x, g, kept, self, t)
            if self.settings.low is not None and self.settings.high is not None:
                moved = torch.clamp(moved, self.settings.low.unsqueeze(-1), self.settings.high.unsqueeze(-1))
        if recorder.refused:
            raise NotRecordedError(recorder.refused)
        after = {name: recorder.slot_of(tensor) for name, tensor in new.items()}
        operations = [operation for each in recorder.operations for operation in _of_many(each)]
        before = {
            name: Slot(slot.shape, slot.dtype, Level.STATE, many=new[name].dim() > 0) for name, slot in after.items()
        }
        return Update(operations, recorder.slot_of(moved), after, self.inputs), before

    def of_each(self, t: int, function: Callable[..., tuple[float, ...]], *names: str) -> tuple[torch.Tensor, ...]:
        """What a function of step ``t`` returns: inputs of each step."""
        self.recorder.paused = True
        made = [value.clone() for value in super().of_each(t, function, *names)]
        slots = [Slot((), value.dtype, Level.STEP, many=value.dim() > 0) for value in made]
        for value, slot in zip(made, slots, strict=True):
            self.recorder.know(value, slot)
        if "lr" in names and (self.settings.rates or self.settings.row_rates):
            raise NotRecordedError(f"{self.settings.rule} with rates that differ between steps or variables")
        given = {name: None if name in self.slots else self._numbers[name].item() for name in names}
        self.recorder.paused = False
        self.inputs.append(StepInputs(function, given, tuple(slots)))
        return tuple(made)


def _of_many(recorded: Recorded) -> Iterable[Operation]:
    """An operation that was recorded with its runs: what is pointwise stays as it is."""
    (result,) = recorded.results
    if result.level is Level.CONSTANT:
        return []
    if recorded.name == "expand.default":
        return copied(recorded)
    return lifted(recorded)


def _tensors(parameters: Mapping[str, Given]) -> Iterable[torch.Tensor]:
    for value in parameters.values():
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, torch.Tensor):
                yield each


def _as_long_as(parameters: Mapping[str, Given], count: int) -> dict[str, Given]:
    """The parameters with each tensor repeated to the same length."""

    def longer(value: Given) -> Given:
        if isinstance(value, torch.Tensor):
            return value.repeat(-(-count // len(value)))[:count]
        return tuple(longer(each) for each in value) if isinstance(value, (list, tuple)) else value  # type: ignore[misc]

    return {name: longer(value) for name, value in parameters.items()}
