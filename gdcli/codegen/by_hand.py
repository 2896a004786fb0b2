"""The rules by hand in a script: what they share around the lines that the row of a rule gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gdcli.codegen.rules import LoopNames, Moving, Rule, TorchOptimizer
from gdcli.codegen.script import Script
from gdcli.contract.descent import DescentSettings
from gdcli.rules.catalogue import RULES
from gdcli.rules.row import ScriptLines


class ByHand(Rule):
    """A rule that the script spells out, by the lines of its row."""

    def __init__(
        self, script: Script, settings: DescentSettings, variables: Sequence[Moving], names: LoopNames
    ) -> None:
        super().__init__(script, settings, variables, names)
        self.carrier, self.loss_function = script.new_name("optimizer"), script.new_name("f")
        self._own: dict[str, str] = {}

    @property
    def lines(self) -> ScriptLines:
        """How the rule is written."""
        return self.row.script or ScriptLines()

    def own(self, name: str) -> str:
        """What the script calls something of this rule."""
        if name not in self._own:
            self._own[name] = self.script.new_name(name)
        return self._own[name]

    def each_own(self, name: str) -> dict[str, str]:
        """What the script calls something of this rule that each variable has."""
        return {v.name: self.kept(v, name) for v in self.variables}

    def kept(self, v: Moving, letter: str) -> str:
        """What the script calls something of this rule that belongs to a variable."""
        return self.own(letter if len(self.variables) == 1 else f"{letter}_{v.name}")

    def number(self, name: str) -> str:
        """A parameter of the rule, as Python writes it."""
        return repr(self.parameters[name])

    def gradient(self, v: Moving) -> str:
        """The gradient to go against: with the sign of the direction, and weight decay added."""
        gradient, decay = self._signed(f"{v.x}.grad"), self.parameters.get("weight_decay")
        return f"({gradient} + {decay!r} * {v.x})" if decay else gradient

    def operand(self, v: Moving) -> str:
        """The same where a power is taken of it."""
        gradient = self.gradient(v)
        return f"({gradient})" if gradient.startswith("-") else gradient

    def gradient_or_zeros(self, v: Moving) -> str:
        """The gradient as it is, or zeros where there may be none."""
        if not v.may_lack_gradient:
            return f"{v.x}.grad"
        return f"(torch.zeros_like({v.x}) if {v.x}.grad is None else {v.x}.grad)"

    def whole_gradient(self, v: Moving) -> str:
        """A copy of the gradient with the sign of the direction, or zeros where there may be none."""
        return f"{self._signed(self.gradient_or_zeros(v))}.clone()"

    @property
    def zeros_for_none(self) -> str:
        """The argument of ``torch.autograd.grad`` that gives zeros where there may be no gradient."""
        return ", materialize_grads=True" if any(v.may_lack_gradient for v in self.variables) else ""

    def for_each(self, moves: Callable[[Moving], list[str]]) -> list[str]:
        """The lines that move each variable; one without a gradient stays."""
        lines: list[str] = []
        for v in self.variables:
            found = moves(v)
            lines += [f"if {v.x}.grad is not None:", *_indented(found)] if v.may_lack_gradient else found
        return lines

    def function(self, loss_lines: Sequence[str]) -> list[str]:
        """The functions of the rule, that of the loss first."""
        own = self.lines.functions(self) if self.lines.functions else []
        return [*super().function(loss_lines), *(line for lines in own for line in ("", *lines, ""))]

    def setup(self) -> list[str]:
        """The learning rate, what the rule remembers, and a schedule with an optimizer to carry its rate."""
        lines = self.factor_lines()
        if self.schedule is not None:
            lines += self.carrier_lines()
        elif self.has_one_rate and not self.settings.lr_factor:
            lines.append(f"{self.rate(self.variables[0])} = {self.variables[0].rate!r}")
        lines += self.lines.setup(self) if self.lines.setup else []
        for v in self.variables:
            lines += [f"{self.kept(v, letter)} = torch.zeros_like({v.x})" for letter in self.lines.remembers]
        return lines

    def step(self) -> list[str]:
        """The update in place, outside of the graph, and the gradients cleared."""
        lines = list(self.lines.before_step(self)) if self.lines.before_step else []
        if self.lines.step:
            head = "with torch.no_grad():  # autograd must not record the update"
            lines += [head, *_indented(self.lines.step(self))]
        clearing: list[str] = []
        for v in self.variables:
            clear = f"{v.x}.grad.zero_()"
            clearing += [f"if {v.x}.grad is not None:", f"    {clear}"] if v.may_lack_gradient else [clear]
        first = next(k for k, line in enumerate(clearing) if line.endswith("zero_()"))
        clearing[first] += "  # backward() adds to .grad"
        return lines + clearing

    def _signed(self, gradient: str) -> str:
        return f"-{gradient}" if self.settings.maximize else gradient


class Rebind(ByHand):
    """The update inside of the graph."""

    def step(self) -> list[str]:
        """New tensors in the place of the variables."""
        lines = [
            "# Outside no_grad, autograd records the update: the new tensor has a",
            "# grad_fn, so it is not a leaf, and backward() fills .grad of leaves only.",
        ]
        for v in self.variables:
            moves = [f"{v.x} = {v.x} - {self.rate(v)} * {v.x}.grad", f"{v.x}.requires_grad_(True)"]
            lines += moves if v.has_path else [f"if {v.x}.grad is not None:", *(f"    {line}" for line in moves)]
        return lines


def rule_of(script: Script, settings: DescentSettings, variables: Sequence[Moving], names: LoopNames) -> Rule:
    """The lines of the rule that the settings describe.

    Raises:
        GdcliError: for options that do not go together.
    """
    kind: type[Rule] = TorchOptimizer if RULES[settings.optimizer].path else ByHand
    if getattr(settings, "update", "") == "rebind":
        kind = Rebind
    return kind(script, settings, variables, names)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
