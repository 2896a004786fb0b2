"""The parameters of a rule for many runs: a float may be a tensor that has one number a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from gdcli.errors import GdcliError
from gdcli.rules.catalogue import RULES

Number = float | torch.Tensor
Given = Number | bool | str | None | Sequence[Number]
"""A parameter as it is given: a number, or as many as the runs, a pair of these, or what is no float."""

PAIRS = {
    "betas": ("beta1", "beta2"),
    "etas": ("etaminus", "etaplus"),
    "step_sizes": ("step_size_min", "step_size_max"),
}  # by the names that they have within torch.optim


@dataclass(frozen=True, slots=True)
class _Distinct:
    """The distinct combinations of some parameters, and which of them each run has: shape (runs,), or ()."""

    combinations: list[tuple[float, ...]]
    index: torch.Tensor


class Parameters:
    """The parameters of a rule, defaults included.

    Floats are float64 tensors of shape (runs,), or () where all runs have the same: what torch.optim computes with
    Python's floats is computed with these, and rounded to the dtype of the variables where torch.optim rounds it.
    """

    def __init__(self, rule: str, given: Mapping[str, Given], x: torch.Tensor) -> None:
        """Complete ``given`` for runs at ``x``, of shape (elements, runs).

        Raises:
            GdcliError: for a parameter that the rule does not have, and for a tensor that has not one number a run.
        """
        entry = RULES[rule]
        known = {"lr": entry.lr, **entry.parameters}
        for name in given:
            if name not in known:
                raise GdcliError(
                    "optimizer", f"{rule} has no parameter '{name}'", f"its parameters are {', '.join(known)}"
                )
        self._given: dict[str, Any] = {**known, **given, **entry.fixed}
        self._x = x
        self._numbers: dict[str, torch.Tensor] = {}
        for name, value in self._given.items():
            if name in PAIRS:
                self._numbers |= {part: self._number(part, v) for part, v in zip(PAIRS[name], value, strict=True)}
            elif isinstance(value, (int, float, torch.Tensor)) and not isinstance(value, bool):
                self._numbers[name] = self._number(name, value)
        nonzero = {name: number != 0 for name, number in self._numbers.items()}
        self._nonzero = {name: (bool(each.any()), bool(each.all())) for name, each in nonzero.items()}
        self._distinct: dict[tuple[str, ...], _Distinct] = {}

    def _number(self, name: str, value: Number) -> torch.Tensor:
        runs = self._x.shape[1]
        number = torch.as_tensor(value, dtype=torch.float64, device=self._x.device)
        if number.shape not in ((), (runs,)):
            message = f"{name} has shape {tuple(number.shape)}, but there are {runs} runs"
            raise GdcliError("optimizer", message, "give one number, or one per run")
        return number

    def __getitem__(self, name: str) -> torch.Tensor:
        """A float: shape (runs,), or () where all runs have the same."""
        return self._numbers[name]

    def plain(self, name: str) -> Any:
        """A parameter that is no float, as it was given."""
        return self._given.get(name)

    def rounded(self, number: torch.Tensor) -> torch.Tensor:
        """A number in the dtype of the variables, as PyTorch rounds a Python float that meets a tensor."""
        return number.to(self._x.dtype)

    def is_zero(self, name: str) -> bool:
        """Whether a float is zero for all runs; also where the rule has no such parameter."""
        return name not in self._nonzero or self._nonzero[name] == (False, False)

    def is_nonzero(self, name: str) -> bool:
        """Whether a float is zero for no run."""
        return self._nonzero[name] == (True, True)

    def of_each(self, t: int, function: Callable[..., tuple[float, ...]], *names: str) -> tuple[torch.Tensor, ...]:
        """What a function of step ``t`` and of floats returns, for each run; called once for each distinct combination.

        For powers: those of ``torch.pow`` are not always Python's, in the last bit.
        """
        distinct = self.distinct(*names)
        found = torch.tensor([function(t, *each) for each in distinct.combinations], dtype=torch.float64)
        return found.to(distinct.index.device)[distinct.index].unbind(-1)

    def distinct(self, *names: str) -> _Distinct:
        """The distinct combinations of some floats, found once."""
        if names not in self._distinct:
            self._distinct[names] = self._found_distinct(names)
        return self._distinct[names]

    def _found_distinct(self, names: Sequence[str]) -> _Distinct:
        numbers = torch.broadcast_tensors(*(self._numbers[name] for name in names))  # type: ignore[no-untyped-call]
        if numbers[0].dim() == 0:
            return _Distinct([tuple(n.item() for n in numbers)], torch.zeros((), dtype=torch.int64))
        codes = torch.zeros(numbers[0].shape, dtype=torch.int64, device=self._x.device)
        for number in numbers:
            values, places = torch.unique(number, return_inverse=True)
            codes = codes * len(values) + places
        values, index = torch.unique(codes, return_inverse=True)
        runs = torch.arange(len(index), device=index.device)
        examples = torch.empty_like(values).scatter_(0, index, runs)  # any run that has the combination
        return _Distinct(list(zip(*(n[examples].tolist() for n in numbers), strict=True)), index)

    def groups(self) -> list[tuple[torch.Tensor, dict[str, Any]]]:
        """The runs that have the same parameters: their indices, and the parameters as plain numbers."""
        varying = [name for name, number in self._numbers.items() if number.dim()]
        if not varying:
            return [(torch.arange(self._x.shape[1], device=self._x.device), self._plain({}))]
        distinct = self.distinct(*varying)
        return [
            ((distinct.index == i).nonzero().squeeze(1), self._plain(dict(zip(varying, each, strict=True))))
            for i, each in enumerate(distinct.combinations)
        ]

    def _plain(self, numbers: Mapping[str, float]) -> dict[str, Any]:
        def of(name: str, value: Any) -> Any:
            return numbers.get(name, value)

        return {
            name: tuple(map(of, PAIRS[name], value)) if name in PAIRS else of(name, value)
            for name, value in self._given.items()
        }
