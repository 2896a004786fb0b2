"""The update rules of a script: by hand as a lecture writes them, or one of torch.optim; and their schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from gdcli.catalogue import RULES, SCHEDULES
from gdcli.codegen.expression import ExpressionPrinter
from gdcli.codegen.script import Script, broken
from gdcli.contract.descent import DescentSettings
from gdcli.errors import GdcliError
from gdcli.lang.syntax import parse

# Parameters of the rules by hand that are options of their own.
_BY_HAND = {
    "manual": ("weight_decay",),
    "manual-momentum": ("momentum", "weight_decay"),
    "manual-nesterov": ("momentum", "weight_decay"),
    "manual-adam": ("weight_decay",),
}
_OWN_OPTIONS = ("momentum", "dampening", "weight_decay", "nesterov")


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
    says that it is the one that makes the steps.
    """

    name = ""
    needs_closure = False
    carries_itself = False

    def __init__(self, script: Script, settings: DescentSettings, variables: Sequence[Moving]) -> None:
        self.script = script
        self.settings = settings
        self.variables = variables
        self.loss = script.own("loss")
        self.optimizer = self.carrier = script.own("optimizer")
        self.scheduler = script.own("scheduler")
        self.factor, self.factors = script.own("factor"), script.own("factors")
        self.changes = settings.schedule != "none" or bool(settings.lr_factor)
        self.has_one_rate = len({v.rate for v in variables}) == 1

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
        if self.settings.schedule == "none":
            return []
        loss = f"{self.loss}.item()" if self.settings.schedule == "plateau" else ""
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
        if self.has_one_rate:
            return self.script.own("lr")
        return self.script.own(f"lr_{v.name}") if self.changes else repr(v.rate)

    def _by_rate(self) -> Sequence[Moving]:
        return self.variables[:1] if self.has_one_rate else self.variables

    def read_rates(self) -> list[str]:
        """Lines that take the learning rates from the parameter groups of a schedule, times the factor by now."""
        if not self.changes:
            return []
        names = ", ".join(self.rate(v) for v in self._by_rate())
        times = f" * {self.factor}" if self.settings.lr_factor else ""
        if self.settings.schedule == "none":
            line = f"{names} = {', '.join(f'{v.rate!r}{times}' for v in self._by_rate())}"
        elif self.has_one_rate:
            line = f'{names} = {self.carrier}.param_groups[0]["lr"]{times}'
        else:
            line = f'{names} = (group["lr"]{times} for group in {self.carrier}.param_groups)'
        if not times:
            return [line]
        return [f"{self.factor} = {self.factors}.get({self.script.own('i')}, {self.factor})", line]

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
            "# A scheduler sets the rate of an optimizer: this one carries it and moves nothing.",
            *broken(f"{self.carrier} = torch.optim.SGD({groups})"),
            *self.schedule_lines(),
        ]

    def schedule_lines(self) -> list[str]:
        """The scheduler of ``carrier``."""
        s = self.settings
        if s.schedule == "none":
            return []
        function: list[str] = []
        arguments = []
        for name, value in s.sched.items():
            if name == "lr_lambda":
                function = self._factor(str(value))
                arguments.append(f"{name}={self.script.own('factor')}")
            elif name == "milestones":
                arguments.append(f"{name}={value if isinstance(value, list) else [value]!r}")
            else:
                arguments.append(f"{name}={value!r}")
        if s.schedule in ("cyclic", "one-cycle"):
            arguments.append("cycle_momentum=False")
        make = f"torch.optim.lr_scheduler.{SCHEDULES[s.schedule]}"
        return [*function, *broken(f"{self.scheduler} = {make}({', '.join([self.carrier, *arguments])})")]

    def _factor(self, text: str) -> list[str]:
        """The function of a lambda schedule; a tensor of float64, so that the digits are PyTorch's."""
        epoch = {"epoch": "epoch"}
        printed = ExpressionPrinter("float64", epoch).print(parse(text))
        return [
            "",
            f"def {self.script.own('factor')}(epoch):",
            "    epoch = torch.tensor(epoch, dtype=torch.float64)",
            f"    return ({printed}).item()",
            "",
        ]


class ByHand(Rule):
    """A rule that the script spells out."""

    def __init__(self, script: Script, settings: DescentSettings, variables: Sequence[Moving]) -> None:
        super().__init__(script, settings, variables)
        self._check_options()
        self.momentum = 0.9 if settings.momentum is None else settings.momentum
        self.b1, self.b2, self.t = (script.own(name) for name in ("b1", "b2", "t"))

    def _check_options(self) -> None:
        s = self.settings
        for name in _OWN_OPTIONS:
            if getattr(s, name) and name not in _BY_HAND[s.optimizer]:
                has = ", ".join(["sgd", *(rule for rule, options in _BY_HAND.items() if name in options)])
                message = f"{s.optimizer} has no {name.replace('_', ' ')}"
                raise GdcliError("optimizer", message, f"it is an option of {has}")
        for name in s.opt:
            if s.optimizer != "manual-adam" or name not in ("betas", "eps"):
                raise GdcliError("optimizer", f"{s.optimizer} has no parameter '{name}' in --opt")

    def setup(self) -> list[str]:
        """The learning rate, what the rule remembers, and a schedule with an optimizer to carry its rate."""
        s, lines = self.settings, self.factor_lines()
        if s.schedule != "none":
            lines += self.carrier_lines()
        elif self.has_one_rate and not s.lr_factor:
            lines.append(f"{self.script.own('lr')} = {self.variables[0].rate!r}")
        if s.optimizer == "manual-adam":
            betas, eps = s.opt.get("betas", [0.9, 0.999]), s.opt.get("eps", 1e-8)
            lines.append(f"({self.b1}, {self.b2}), {self.script.own('eps')} = {tuple(betas)}, {eps!r}")  # type: ignore[arg-type]
        for v in self.variables:
            lines += [f"{name} = torch.zeros_like({v.x})" for name in self._memory(v)]
        return lines

    def _memory(self, v: Moving) -> list[str]:
        """The names of what the rule remembers of a variable."""
        letters = {"manual": "", "manual-adam": "mv"}.get(self.settings.optimizer, "v")
        own = self.script.own
        return [own(letter if len(self.variables) == 1 else f"{letter}_{v.name}") for letter in letters]

    def step(self) -> list[str]:
        """The update in place, outside of the graph, and the gradients cleared."""
        lines: list[str] = []
        for v in self.variables:
            moves = self._moves(v)
            if v.may_lack_gradient:
                moves = [f"if {v.x}.grad is not None:", *(f"    {line}" for line in moves)]
            lines += moves
        lines = ["with torch.no_grad():  # autograd must not record the update", *(f"    {line}" for line in lines)]
        for v in self.variables:
            clear = f"{v.x}.grad.zero_()"
            lines += [f"if {v.x}.grad is not None:", f"    {clear}"] if v.may_lack_gradient else [clear]
        first = next(k for k, line in enumerate(lines) if line.endswith("zero_()"))
        lines[first] += "  # backward() adds to .grad"
        return [f"{self.t} = {self.script.own('i')} + 1", *lines] if self.settings.optimizer == "manual-adam" else lines

    def _gradient(self, v: Moving) -> str:
        s = self.settings
        gradient = f"-{v.x}.grad" if s.maximize else f"{v.x}.grad"
        return f"({gradient} + {s.weight_decay!r} * {v.x})" if s.weight_decay else gradient

    def _moves(self, v: Moving) -> list[str]:
        """The lines that move one variable."""
        x, g, lr = v.x, self._gradient(v), self.rate(v)
        match self.settings.optimizer:
            case "manual-momentum":
                (b,) = self._memory(v)
                return [f"{b} = {self.momentum!r} * {b} + {g}", f"{x} -= {lr} * {b}"]
            case "manual-nesterov":
                (b,) = self._memory(v)
                return [
                    f"{b} = {self.momentum!r} * {b} + {g}",
                    f"{x} -= {lr} * ({g} + {self.momentum!r} * {b})",
                ]
            case "manual-adam":
                m, b = self._memory(v)
                b1, b2, t, eps = self.b1, self.b2, self.t, self.script.own("eps")
                m_hat, v_hat = self.script.own("m_hat"), self.script.own("v_hat")
                return [
                    f"{m} = {b1} * {m} + (1 - {b1}) * {g}",
                    f"{b} = {b2} * {b} + (1 - {b2}) * {f'({g})' if g.startswith('-') else g}**2",
                    f"{m_hat}, {v_hat} = {m} / (1 - {b1}**{t}), {b} / (1 - {b2}**{t})",
                    f"{x} -= {lr} * {m_hat} / (torch.sqrt({v_hat}) + {eps})",
                ]
            case _:
                return [f"{x} -= {lr} * {g}"]


class Rebind(ByHand):
    """The update inside of the graph."""

    def step(self) -> list[str]:
        """New tensors in the place of the variables."""
        lines = [
            "# Outside of no_grad the update is recorded: the new tensor has a grad_fn,",
            "# so it is no leaf, and backward() fills the .grad of leaves only.",
        ]
        for v in self.variables:
            moves = [f"{v.x} = {v.x} - {self.rate(v)} * {v.x}.grad", f"{v.x}.requires_grad_(True)"]
            lines += moves if v.has_path else [f"if {v.x}.grad is not None:", *(f"    {line}" for line in moves)]
        return lines


class TorchOptimizer(Rule):
    """A rule of torch.optim."""

    def __init__(self, script: Script, settings: DescentSettings, variables: Sequence[Moving]) -> None:
        super().__init__(script, settings, variables)
        self.name = RULES[settings.optimizer].path
        self.needs_closure = settings.optimizer == "lbfgs"
        if settings.schedule != "none" and settings.lr_factor:  # the schedule must not see the factor
            self.carrier = script.own("carrier")
        self.carries_itself = self.carrier == self.optimizer

    def setup(self) -> list[str]:
        """The optimizer with what was chosen for it, and its schedule."""
        if self.has_one_rate:
            what = f"[{', '.join(v.x for v in self.variables)}], lr={self.variables[0].rate!r}"
        else:
            what = "[" + ", ".join(f'{{"params": [{v.x}], "lr": {v.rate!r}}}' for v in self.variables) + "]"
        arguments = [what, *(f"{name}={value!r}" for name, value in self._parameters().items())]
        lines = [*self.factor_lines(), *broken(f"{self.optimizer} = {self.name}({', '.join(arguments)})")]
        return lines + (self.schedule_lines() if self.carries_itself else self.carrier_lines())

    def _parameters(self) -> dict[str, Any]:
        s, entry = self.settings, RULES[self.settings.optimizer]
        found: dict[str, Any] = dict(entry.fixed)
        for name in _OWN_OPTIONS:
            value = getattr(s, name)
            # 0 is what PyTorch takes when these are not given, but for the weight decay of adamw and muon.
            decays = name == "weight_decay" and s.optimizer in ("adamw", "muon")
            if value or (decays and value is not None):
                found[name] = value
        if s.maximize:
            found["maximize"] = True
        return found | {name: tuple(v) if isinstance(v, list) else v for name, v in s.opt.items()}

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
        return [*rates, f"{self.optimizer}.step({self.script.own('closure') if self.needs_closure else ''})"]


def rule_of(script: Script, settings: DescentSettings, variables: Sequence[Moving]) -> Rule:
    """The lines of the rule that the settings describe.

    Raises:
        GdcliError: for options that do not go together.
    """
    if getattr(settings, "update", "") == "rebind":
        return Rebind(script, settings, variables)
    if settings.optimizer.startswith("manual"):
        return ByHand(script, settings, variables)
    return TorchOptimizer(script, settings, variables)
