"""The update with the numbers in it: what each step did to each variable, as equations.

Every number is read from the tensors and from the rule right before and right after the step; nothing is computed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from msgspec import Struct

from gdcli.contract.descent import Equation, Update
from gdcli.contract.fields import Nested
from gdcli.descent.bounds import Bounded
from gdcli.descent.evaluation import Evaluation
from gdcli.descent.optimizers import TorchOptimizer
from gdcli.descent.rules import Adam, Momentum, UpdateRule
from gdcli.tensors import Problem, plain

# What the optimizers of torch.optim remember of a variable: the names in their state, and ours.
_MEMORY = {
    "momentum_buffer": "buffer",
    "exp_avg": "mean",
    "exp_avg_sq": "square",
    "max_exp_avg_sq": "largest",
    "square_avg": "square",
    "sum": "sum",
    "step": "t",
}
_TERM = re.compile(r"[a-z_][a-z_0-9]*")


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
        return Moment(plain(x), gradient, memory(self.rule, name, x))

    def _update(self, name: str, iteration: int, lr: float, before: Moment, after: Moment, projected: Nested) -> Update:
        terms: dict[str, Nested] = {"before": before.x, "gradient": before.gradient, "lr": lr, "after": after.x}
        if before.gradient is None:
            note = f"{name}.grad is None, so {name} stays"
            return Update(iteration=iteration, variable=name, terms=terms, equations=[], note=note)
        terms |= parameters(self.rule, name)
        terms |= {f"{key}_before": value for key, value in before.memory.items()} | after.memory
        equations: list[Equation] = []
        note = f"{self.name} has no equation here; gdcli optimizers {self.name} shows its formula"
        if explain := _EXPLAINED.get(self.name):
            equations, note = explain(terms)
        used = {"before", "gradient", "lr", "after"}
        used |= {term for each in equations for term in [each.symbol, *_TERM.findall(each.formula)]}
        terms = {key: value for key, value in terms.items() if key in used}
        return Update(
            iteration=iteration, variable=name, terms=terms, equations=equations, projected=projected, note=note
        )


def memory(rule: UpdateRule, name: str, x: torch.Tensor) -> dict[str, Nested]:
    """What a rule remembers of a variable between two steps."""
    if isinstance(rule, Momentum):
        return {"buffer": plain(rule.v[name])}
    if isinstance(rule, Adam):
        return {"mean": plain(rule.m[name]), "square": plain(rule.v[name]), "t": rule.t[name]}
    state = rule.optimizer.state.get(x, {}) if isinstance(rule, TorchOptimizer) else {}
    found = {_MEMORY[key]: value for key, value in state.items() if key in _MEMORY}
    return {key: plain(value) if isinstance(value, torch.Tensor) else value for key, value in found.items()}


def parameters(rule: UpdateRule, name: str) -> dict[str, Nested]:
    """The numbers that a rule was given for a variable, by the names of its options."""
    given: Mapping[str, Any] = rule.group_of(name) if isinstance(rule, TorchOptimizer) else vars(rule)
    found: dict[str, Nested] = {key: value for key, value in given.items() if isinstance(value, (bool, int, float))}
    if "betas" in given:
        found |= {"beta1": given["betas"][0], "beta2": given["betas"][1]}
    found.pop("lr", None)
    return found


Terms = dict[str, Nested]
Explained = tuple[list[Equation], str]


def _against(terms: Terms, *, decays: bool = True) -> str:
    """The gradient to go against: with the sign of the direction, and weight decay added."""
    gradient = "(-gradient)" if terms.get("maximize") else "gradient"
    if decays and terms.get("weight_decay"):
        return f"({gradient} + weight_decay * before)"
    return gradient


def _plain_step(terms: Terms) -> Explained:
    return [Equation("after", f"before - lr * {_against(terms)}")], ""


def _momentum_step(terms: Terms) -> Explained:
    """Momentum in PyTorch's convention (torch.optim.SGD); the buffer starts as the first gradient."""
    if not terms.get("momentum"):
        return _plain_step(terms)
    g, note = _against(terms), ""
    if terms.get("buffer_before") is None:
        buffer = g.removeprefix("(").removesuffix(")") if "+" in g else g
        note = "the buffer starts as the first gradient" + (", without dampening" if terms.get("dampening") else "")
    else:
        buffer = f"momentum * buffer_before + {f'(1 - dampening) * {g}' if terms.get('dampening') else g}"
    direction = f"({g} + momentum * buffer)" if terms.get("nesterov") else "buffer"
    return [Equation("buffer", buffer), Equation("after", f"before - lr * {direction}")], note


def _nesterov_by_hand(terms: Terms) -> Explained:
    return _momentum_step(terms | {"nesterov": True})


def _adam_step(terms: Terms) -> Explained:
    """Kingma and Ba (2015), algorithm 1; with ``amsgrad`` as Reddi, Kale and Kumar (2018)."""
    return _adam_equations(terms, _against(terms), "before")


def _adamw_step(terms: Terms) -> Explained:
    """Loshchilov and Hutter (2019): the weight decay acts on the variable itself."""
    decayed = "before * (1 - lr * weight_decay)" if terms.get("weight_decay") else "before"
    return _adam_equations(terms, _against(terms, decays=False), decayed)


def _adam_equations(terms: Terms, g: str, start: str) -> Explained:
    for key in ("mean", "square"):
        if terms.get(f"{key}_before") is None:
            terms[f"{key}_before"] = 0.0  # the state is made, as zeros, in the first step
    if terms.get("amsgrad"):
        return [], "amsgrad has no equation here; gdcli optimizers amsgrad shows its formula"
    step = "(mean / (1 - beta1**t)) / (sqrt(square / (1 - beta2**t)) + eps)"
    return [
        Equation("mean", f"beta1 * mean_before + (1 - beta1) * {g}"),
        Equation("square", f"beta2 * square_before + (1 - beta2) * {g}**2"),
        Equation("after", f"{start} - lr * {step}"),
    ], ""


def _adagrad_step(terms: Terms) -> Explained:
    """Duchi, Hazan and Singer (2011)."""
    g = _against(terms)
    lr = "lr / (1 + (t - 1) * lr_decay)" if terms.get("lr_decay") else "lr"
    return [
        Equation("sum", f"sum_before + {g}**2"),
        Equation("after", f"before - {lr} * {g} / (sqrt(sum) + eps)"),
    ], ""


def _rmsprop_step(terms: Terms) -> Explained:
    """Tieleman and Hinton (2012)."""
    if terms.get("centered"):
        return [], "rmsprop has no equation here when it is centered; gdcli optimizers rmsprop shows its formula"
    if terms.get("square_before") is None:
        terms["square_before"] = 0.0
    g = _against(terms)
    square = Equation("square", f"alpha * square_before + (1 - alpha) * {g}**2")
    if not terms.get("momentum"):
        return [square, Equation("after", f"before - lr * {g} / (sqrt(square) + eps)")], ""
    if terms.get("buffer_before") is None:
        terms["buffer_before"] = 0.0
    buffer = Equation("buffer", f"momentum * buffer_before + {g} / (sqrt(square) + eps)")
    return [square, buffer, Equation("after", "before - lr * buffer")], ""


_EXPLAINED: dict[str, Callable[[Terms], Explained]] = {
    "manual": _plain_step,
    "manual-momentum": _momentum_step,
    "manual-nesterov": _nesterov_by_hand,
    "manual-adam": _adam_step,
    "sgd": _momentum_step,
    "adam": _adam_step,
    "adamw": _adamw_step,
    "adagrad": _adagrad_step,
    "rmsprop": _rmsprop_step,
}
