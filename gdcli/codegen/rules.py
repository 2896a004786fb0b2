"""What the update rules of a script share, learning rates and schedules above all; and the rules of torch.optim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from gdcli.codegen.program import printed_alone
from gdcli.codegen.script import Script, broken
from gdcli.contract.descent import DescentSettings
from gdcli.lang.parsing import parse
from gdcli.rules.catalogue import RULES, SCHEDULES
from gdcli.rules.parameters import OWN_OPTIONS, parameters_of


class LoopNames(Struct, frozen=True):
    """What the script calls the counter of its loop, the number of its steps, and its loss."""

    i: str
    steps: str
    loss: str


class Moving(Struct, frozen=True):
    """A variable that moves: its name, what the script calls it, its learning rate.

    ``has_path`` says that the loss surely depends on it, ``may_lack_gradient`` that its grad may be None in the loop.
    """

    name: str
    x: str
    rate: float
    has_path: bool
    may_lack_gradient: bool


class Rule:
    """The lines of an update rule: before the loop, before backward(), for the update, and after it.

    ``carrier`` is the optimizer whose parameter groups hold the learning rates of a schedule, and ``carries_itself``
    says that it is the one that makes the steps. ``loss_function`` computes the loss again, for a rule that evaluates
    it in its steps.
    """

    carrier: str
    carries_itself = False
    loss_function: str

    def __init__(
        self, script: Script, settings: DescentSettings, variables: Sequence[Moving], names: LoopNames
    ) -> None:
        self.script = script
        self.settings = settings
        self.variables = variables
        self.i, self.loss = names.i, names.loss
        self.row = RULES[settings.optimizer]
        self.parameters = parameters_of(settings)
        self.schedule = None if settings.schedule == "none" else SCHEDULES[settings.schedule]
        self.changes = self.schedule is not None or bool(settings.lr_factor)
        self.has_one_rate = len({v.rate for v in variables}) == 1
        self.scheduler, self.factors = script.new_name("scheduler"), script.new_name("factors")
        self.factor = script.new_name("factor") if settings.lr_factor else ""
        self._rates: dict[str, str] = {}

    def function(self, loss_lines: Sequence[str]) -> list[str]:
        """The function that computes the loss again, made of the lines that do so; none where there is no need."""
        return self._function_of(loss_lines) if self.row.evaluates else []

    def _function_of(self, lines: Sequence[str], *about: str) -> list[str]:
        """A function that makes these lines and returns the loss, under comments about it."""
        body = [*lines, f"return {self.loss}"]
        return ["", *about, f"def {self.loss_function}():", *(f"    {line}" for line in body), ""]

    def evaluate(self, loss_lines: Sequence[str]) -> list[str]:
        """The loss and its gradient, in an iteration."""
        lines = [f"{self.loss} = {self.loss_function}()"] if self.row.evaluates else loss_lines
        return [*self.before_backward(), *lines, f"{self.loss}.backward()"]

    def setup(self) -> list[str]:
        """What comes before the loop."""
        return []

    def before_backward(self) -> list[str]:
        """What comes first in an iteration."""
        return self.read_rates()

    def step(self) -> list[str]:
        """The update."""
        return []

    def after_step(self) -> list[str]:
        """What comes last in an iteration: the schedule goes on."""
        if self.schedule is None:
            return []
        loss = f"{self.loss}.item()" if self.schedule.needs_loss else ""
        # An optimizer that only carries the rates makes an empty step before, or PyTorch warns.
        steps = [] if self.carries_itself else [f"{self.carrier}.step()"]
        return [*steps, f"{self.scheduler}.step({loss})"]

    def shown_rates(self) -> list[tuple[str, str]]:
        """The learning rates to print: their labels and how they are read."""
        if not self.changes:
            return []
        return [("lr" if self.has_one_rate else f"{v.name}.lr", self.rate(v)) for v in self._by_rate()]

    def rate(self, v: Moving) -> str:
        """How the learning rate of a variable is read."""
        if not self.has_one_rate and not self.changes:
            return repr(v.rate)
        wanted = "lr" if self.has_one_rate else f"lr_{v.name}"
        if wanted not in self._rates:
            self._rates[wanted] = self.script.new_name(wanted)
        return self._rates[wanted]

    def _by_rate(self) -> Sequence[Moving]:
        return self.variables[:1] if self.has_one_rate else self.variables

    def read_rates(self) -> list[str]:
        """Lines that take the learning rates from the parameter groups of a schedule, times the factor by now."""
        if not self.changes:
            return []
        names = ", ".join(self.rate(v) for v in self._by_rate())
        times = f" * {self.factor}" if self.settings.lr_factor else ""
        if self.schedule is None:
            line = f"{names} = {', '.join(f'{v.rate!r}{times}' for v in self._by_rate())}"
        elif self.has_one_rate:
            line = f'{names} = {self.carrier}.param_groups[0]["lr"]{times}'
        else:
            line = f'{names} = (group["lr"]{times} for group in {self.carrier}.param_groups)'
        if not times:
            return [line]
        return [f"{self.factor} = {self.factors}.get({self.i}, {self.factor})", line]

    def factor_lines(self) -> list[str]:
        """The factors by iteration, before the loop."""
        if not self.settings.lr_factor:
            return []
        listed = ", ".join(f"{iteration}: {factor!r}" for iteration, factor in self.settings.lr_factor.items())
        about = "# From each of these iterations on, the learning rate is multiplied by the factor."
        return [about, f"{self.factors} = {{{listed}}}", f"{self.factor} = 1.0"]

    def carrier_lines(self) -> list[str]:
        """An optimizer that only holds the rates of a schedule, and its scheduler."""
        if self.has_one_rate:
            groups = f"[torch.zeros(())], lr={self.variables[0].rate!r}"
        else:
            listed = (f'{{"params": [torch.zeros(())], "lr": {v.rate!r}}}' for v in self.variables)
            groups = f"[{', '.join(listed)}]"
        return [
            "# A scheduler needs an optimizer: this one holds the learning rate and updates nothing.",
            *broken(f"{self.carrier} = torch.optim.SGD({groups})"),
            *self.schedule_lines(),
        ]

    def schedule_lines(self) -> list[str]:
        """The scheduler of ``carrier``."""
        if self.schedule is None:
            return []
        function: list[str] = []
        arguments = []
        for name, value in self.settings.sched.items():
            if name == "lr_lambda":
                by_epoch = self.script.new_name("factor")
                function = self._function_of_epoch(by_epoch, str(value))
                arguments.append(f"{name}={by_epoch}")
            elif name == "milestones":
                arguments.append(f"{name}={value if isinstance(value, list) else [value]!r}")
            else:
                arguments.append(f"{name}={value!r}")
        arguments += [f"{name}={value!r}" for name, value in self.schedule.fixed.items()]
        make = f"{self.scheduler} = {self.schedule.path}({', '.join([self.carrier, *arguments])})"
        return [*function, *broken(make)]

    def _function_of_epoch(self, name: str, text: str) -> list[str]:
        """The function of a lambda schedule; a tensor of float64, so that the digits are PyTorch's."""
        printer, lines, result = printed_alone(parse(text), "float64", {"epoch": "epoch"}, self.script.new_name)
        self.script.printer.modules |= printer.modules
        return [
            "",
            f"def {name}(epoch):",
            "    epoch = torch.tensor(epoch, dtype=torch.float64)",
            *(f"    {line}" for line in lines),
            f"    return ({result}).item()",
            "",
        ]


class TorchOptimizer(Rule):
    """A rule of torch.optim."""

    def __init__(
        self, script: Script, settings: DescentSettings, variables: Sequence[Moving], names: LoopNames
    ) -> None:
        super().__init__(script, settings, variables, names)
        self.optimizer, self.loss_function = script.new_name("optimizer"), script.new_name("closure")
        # The schedule must not see the factor.
        self.carries_itself = self.schedule is None or not settings.lr_factor
        self.carrier = self.optimizer if self.carries_itself else script.new_name("carrier")
        self.made = self._imported() if self.row.is_own else self.row.path

    def _imported(self) -> str:
        """What the script calls an own class, which it imports."""
        module, _, path = self.row.name.partition(":")
        first, dot, rest = path.partition(".")
        name = self.script.new_name(first)
        self.script.own_imports.append(f"from {module} import {first}" + ("" if name == first else f" as {name}"))
        return f"{name}{dot}{rest}"

    def setup(self) -> list[str]:
        """The optimizer with what was chosen for it, and its schedule."""
        if math.isnan(self.variables[0].rate):
            what = f"[{', '.join(v.x for v in self.variables)}]"
        elif self.has_one_rate:
            what = f"[{', '.join(v.x for v in self.variables)}], lr={self.variables[0].rate!r}"
        else:
            what = "[" + ", ".join(f'{{"params": [{v.x}], "lr": {v.rate!r}}}' for v in self.variables) + "]"
        arguments = [what, *(f"{name}={value!r}" for name, value in self._given().items())]
        lines = [*self.factor_lines(), *broken(f"{self.optimizer} = {self.made}({', '.join(arguments)})")]
        return lines + (self.schedule_lines() if self.carries_itself else self.carrier_lines())

    def _given(self) -> dict[str, Any]:
        """What the optimizer is called with, beside what it takes by itself."""
        own = [name for name in (*OWN_OPTIONS, "maximize") if name in self.parameters]
        changed = [name for name in own if self.parameters[name] or self.row.parameters[name]]
        chosen = [name for name in changed if name == "maximize" or getattr(self.settings, name) is not None]
        return {**self.row.fixed, **{name: self.parameters[name] for name in (*chosen, *self.settings.opt)}}

    def function(self, loss_lines: Sequence[str]) -> list[str]:
        """The closure that the optimizer calls, where it does."""
        if not self.row.evaluates:
            return []
        lines = [f"{self.optimizer}.zero_grad()", *loss_lines, f"{self.loss}.backward()"]
        calls = "calls this function in a step" if self.row.is_own else "evaluates the loss several times per step"
        return self._function_of(lines, f"# {self.row.path} {calls}.")

    def evaluate(self, loss_lines: Sequence[str]) -> list[str]:
        """The loss and its gradient, in an iteration."""
        if not self.row.evaluates:
            return super().evaluate(loss_lines)
        return [*self.read_rates(), f"{self.loss} = {self.loss_function}()"]

    def before_backward(self) -> list[str]:
        """Clear the gradients."""
        return [*self.read_rates(), f"{self.optimizer}.zero_grad()  # backward() adds to .grad"]

    def step(self) -> list[str]:
        """The optimizer's step, at the rates of now where a factor changes them."""
        rates = [
            f'{self.optimizer}.param_groups[{k}]["lr"] = {self.rate(v)}'
            for k, v in enumerate(self._by_rate())
            if self.settings.lr_factor
        ]
        return [*rates, f"{self.optimizer}.step({self.loss_function if self.row.evaluates else ''})"]
