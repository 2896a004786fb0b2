"""A descent that is over, from its record: its pictures need the objective and the states, and no second run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from msgspec import UnsetType
from msgspec.structs import replace

from gdcli.contract.descent import DescentSettings, FitLinearResult, MinimizeSettings, Step, Update
from gdcli.contract.fields import Nested
from gdcli.descent.kind import Kind, R
from gdcli.descent.loop import State
from gdcli.descent.run import Descent
from gdcli.descent.snapshot import Snapshot


class Recalled(Descent[R]):
    """The descent of a record: to iterate over it makes no step, and its outcome is that of the record."""

    def __init__(self, record: R, made: tuple[DescentSettings, Kind[R]] | None = None) -> None:
        """``made`` are the settings and the kind of the descent that was run, where they are still there.

        Raises:
            GdcliError: without them, for a value whose file is not there or has changed, or a function of Python.
        """
        if made is None:
            again = _made_again(record)
            made = again.settings, again.kind
        super().__init__(*made)
        self._record = record
        self.__dict__["outcome"] = replace(record, iterations=[])

    def states(self) -> Iterator[State]:
        """The states of the record, that after the last update included."""
        steps = self._record.iterations
        last = self._record.result
        yield from map(_state, steps)
        if not steps or steps[-1].iteration != last.iteration:
            yield _state(last)

    def walk(self, states: Iterable[State]) -> Iterator[tuple[State, list[Update]]]:
        """Each state with the updates that the record has of its step."""
        made: dict[int, list[Update]] = {}
        if not isinstance(self._record.walk, UnsetType):
            for update in self._record.walk:
                made.setdefault(update.iteration, []).append(update)
        return ((state, made.get(state.iteration, [])) for state in states)


def _made_again(record: Any) -> Descent[Any]:
    """The descent that the settings of a record describe; values from files are read again."""
    if isinstance(record, FitLinearResult):
        from gdcli.linear.model import fit_linear

        return fit_linear(record.settings)
    from gdcli.descent.minimize import minimize

    settings: MinimizeSettings = record.settings
    return minimize(settings)


def _state(step: Step) -> State:
    values = {name: _snapshot(value) for name, value in step.values.items()}
    grads = {name: None if grad is None else _snapshot(grad) for name, grad in step.grads.items()}
    return State(step.iteration, _number(step.loss), values, grads, step.lr, step.acts)


def _snapshot(value: Nested) -> Snapshot:
    return torch.tensor(value, dtype=torch.float64) if isinstance(value, list) else _number(value)


def _number(value: Any) -> float:
    """A number of a record; one that a document has as null was not finite."""
    return float("nan") if value is None else float(value)
