"""From a name and its parameters to a rule that is ready to step: by hand, or one of torch.optim."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from gdcli.catalogue import RULES, RuleEntry
from gdcli.contract.descent import DescentSettings, MinimizeSettings
from gdcli.descent.evaluation import Evaluation
from gdcli.descent.rules import HAND_WRITTEN, Rates, Rebind, Tensors, UpdateRule
from gdcli.errors import GdcliError
from gdcli.lang.objective import resolve
from gdcli.lang.suggest import did_you_mean

# Settings with options of their own, beside --opt.
_OWN_OPTIONS = ("momentum", "dampening", "weight_decay", "nesterov", "maximize")
# Parameters of torch.optim that choose an implementation, not a rule.
_IMPLEMENTATION = frozenset(
    ["params", "lr", "foreach", "capturable", "differentiable", "fused", "tensors", "rates", "shared"]
)


class TorchOptimizer:
    """An optimizer of torch.optim, with a parameter group for each variable."""

    def __init__(self, make: Any, tensors: Tensors, rates: Rates, parameters: Mapping[str, Any]) -> None:
        names = list(tensors)
        if len(set(rates.values())) == 1:  # one group, as a script would have it
            self.optimizer = make(list(tensors.values()), lr=rates[names[0]], **parameters)
            self._names = [names]
        else:
            self.optimizer = make([{"params": [tensors[n]], "lr": rates[n]} for n in names], **parameters)
            self._names = [[name] for name in names]
        self._rates = dict(rates)

    @property
    def rates(self) -> Rates:
        """The learning rate of each variable."""
        for names, group in zip(self._names, self.optimizer.param_groups, strict=True):
            rate = float(group["lr"])
            for name in names:
                self._rates[name] = rate
        return self._rates

    @rates.setter
    def rates(self, rates: Rates) -> None:
        for names, group in zip(self._names, self.optimizer.param_groups, strict=True):
            group["lr"] = rates[names[0]]

    def group_of(self, name: str) -> dict[str, Any]:
        """The parameter group of a variable."""
        groups: list[dict[str, Any]] = self.optimizer.param_groups
        return next(group for names, group in zip(self._names, groups, strict=True) if name in names)

    def step(self, evaluate: Evaluation) -> None:  # noqa: ARG002 -- one look is enough
        """Move the variables."""
        self.optimizer.step()


class ClosureOptimizer(TorchOptimizer):
    """An optimizer of torch.optim that evaluates the loss several times in a step."""

    def step(self, evaluate: Evaluation) -> None:
        """Move the variables."""

        def closure() -> float:
            return evaluate.unclipped().item()

        self.optimizer.step(closure)


def parameters_of(entry: RuleEntry) -> dict[str, Any]:
    """The parameters that a rule takes, with their defaults, read from its signature."""
    make: Any = resolve(entry.path) if entry.path else HAND_WRITTEN[entry.name]
    found: dict[str, Any] = {}
    for each in [make] if entry.path else reversed(inspect.getmro(make)):
        signature = inspect.signature(each.__init__)  # type: ignore[misc]
        found |= {p.name: p.default for p in signature.parameters.values() if p.default is not p.empty}
    return {name: default for name, default in found.items() if name not in _IMPLEMENTATION and name not in entry.fixed}


def complete_rule(settings: DescentSettings) -> dict[str, Any]:
    """The settings of the rule with every default spelled out: ``opt`` holds all parameters without an own option.

    Raises:
        GdcliError: for a parameter that the rule does not have, or that has the wrong type.
    """
    entry = RULES[settings.optimizer]
    known = parameters_of(entry)
    _check_own_options(settings, known)
    for name, value in settings.opt.items():
        if name not in known or name in _OWN_OPTIONS:
            own = f"it is an option of its own: --{name.replace('_', '-')}" if name in known else ""
            hint = own or did_you_mean(name, known) or f"its parameters are {', '.join(known)}"
            raise GdcliError("optimizer", f"{settings.optimizer} has no parameter '{name}' in --opt", hint)
        _check_type(settings.optimizer, name, value, known[name])
    changes: dict[str, Any] = {}
    for name in ("momentum", "dampening", "weight_decay", "nesterov"):
        if getattr(settings, name) is None and name in known:
            changes[name] = known[name] if name == "nesterov" else float(known[name])
    rest = {name: default for name, default in known.items() if name not in _OWN_OPTIONS}
    changes["opt"] = {name: _listed(settings.opt.get(name, default)) for name, default in rest.items()}
    return changes


def _check_own_options(settings: DescentSettings, known: Mapping[str, Any]) -> None:
    for name in _OWN_OPTIONS:
        if getattr(settings, name) and name not in known:
            has = [rule for rule in RULES if name in parameters_of(RULES[rule])]
            message = f"{settings.optimizer} has no {name.replace('_', ' ')}"
            raise GdcliError("optimizer", message, f"it is an option of {', '.join(has)}")


def _check_type(rule: str, name: str, value: Any, default: Any) -> None:
    wanted: tuple[type, ...]
    if isinstance(default, bool):
        wanted, words = (bool,), "true or false"
    elif isinstance(default, tuple):
        wanted, words = (list,), f"{len(default)} numbers, like {','.join(map(str, default))}"
    elif isinstance(default, (int, float)):
        wanted, words = (int, float), "a number"
    else:
        return
    right = isinstance(value, wanted) and (isinstance(default, bool) or not isinstance(value, bool))
    if not right or (isinstance(default, tuple) and len(value) != len(default)):
        raise GdcliError("optimizer", f"'{name}' of {rule} is {words}, not '{value}'")


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def update_rule(settings: DescentSettings, tensors: Tensors, wrt: tuple[str, ...], rates: Rates) -> UpdateRule:
    """The rule that completed settings describe.

    Raises:
        GdcliError: for what PyTorch refuses.
    """
    if isinstance(settings, MinimizeSettings) and settings.update == "rebind":
        return Rebind(tensors, wrt, rates)
    entry = RULES[settings.optimizer]
    known = parameters_of(entry)
    parameters = {name: getattr(settings, name) for name in _OWN_OPTIONS if name in known}
    parameters |= {name: tuple(v) if isinstance(v, list) else v for name, v in settings.opt.items()}
    parameters |= entry.fixed
    moving = {name: tensors[name] for name in wrt}
    if not entry.path:
        return HAND_WRITTEN[entry.name](moving, rates, **parameters)
    kind = ClosureOptimizer if entry.name == "lbfgs" else TorchOptimizer
    try:
        return kind(resolve(entry.path), moving, rates, parameters)
    except (ValueError, TypeError, RuntimeError) as error:
        raise GdcliError("optimizer", f"{entry.path} refuses this: {str(error).splitlines()[0]}") from error
