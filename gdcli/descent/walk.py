"""The update with the numbers in it: what each step did to each variable, as equations.

Every number is read from the tensors and from the rule right before and right after the step; nothing is computed here.
"""

from __future__ import annotations

import torch
from msgspec import Struct

from gdcli.contract.descent import Equation, Update
from gdcli.contract.fields import Nested
from gdcli.descent.bounds import Bounded
from gdcli.descent.evaluation import Evaluation
from gdcli.rules.catalogue import RULES
from gdcli.rules.equations import Explained, without_equations
from gdcli.rules.rule import UpdateRule
from gdcli.tensors import Problem, plain


class Moment(Struct, frozen=True):
    """A variable at one moment: its numbers, its gradient, and what the rule remembers of it."""

    x: Nested
    gradient: Nested
    memory: dict[str, Nested]


class Walked:
    """A rule that tells what each of its steps has done. ``updates`` are those of the last step."""

    def __init__(self, rule: UpdateRule, name: str, problem: Problem, bounded: Bounded | None) -> None:
        self.rule = rule
        self.name = name
        self.tensors = problem.tensors
        self.wrt = problem.wrt
        self.bounded = bounded
        self.updates: list[Update] = []
        self._steps = 0

    def step(self, evaluate: Evaluation) -> None:
        """Move the variables, and put them back into their bounds."""
        before = self._moments()
        rates = dict(self.rule.rates)
        self.rule.step(evaluate)
        after = self._moments()
        acts = [] if self.bounded is None else self.bounded.project()
        evaluate.acts += acts
        projected = {act.variable: plain(self.tensors[act.variable]) for act in acts if act.variable}
        iteration, self._steps = self._steps, self._steps + 1
        self.updates = [
            self._update(name, iteration, rates[name], before[name], after[name], projected.get(name))
            for name in self.wrt
        ]

    def _moments(self) -> dict[str, Moment]:
        return {name: self._moment(name, self.tensors[name]) for name in self.wrt}

    def _moment(self, name: str, x: torch.Tensor) -> Moment:
        gradient = plain(x.grad) if x.is_leaf else None
        return Moment(plain(x), gradient, self.rule.memory(name))

    def _update(self, name: str, iteration: int, lr: float, before: Moment, after: Moment, projected: Nested) -> Update:
        terms: dict[str, Nested] = {"before": before.x, "gradient": before.gradient, "lr": lr, "after": after.x}
        if before.gradient is None:
            note = f"{name}.grad is None, so {name} does not change"
            return Update(iteration=iteration, variable=name, terms=terms, equations=[], note=note)
        terms |= self.rule.numbers(name)
        terms |= {f"{key}_before": value for key, value in before.memory.items()} | after.memory
        row = RULES[self.name]
        if row.equations:
            explained = row.equations(terms)
        else:
            unknown = Explained([], f"no equation is known for {self.name}")
            explained = unknown if row.is_own else without_equations(self.name)
        return Update(
            iteration=iteration,
            variable=name,
            terms=explained.terms_of(terms),
            equations=[Equation(*each) for each in explained.equations],
            projected=projected,
            note=explained.note,
        )
