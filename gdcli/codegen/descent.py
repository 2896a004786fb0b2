"""The scripts of ``minimize`` and ``fit-linear``: the loop of a lecture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gdcli.codegen.batches import BatchLines
from gdcli.codegen.by_hand import rule_of
from gdcli.codegen.rules import LoopNames, Moving
from gdcli.codegen.script import WIDTH, Script, not_shown, surely_has_gradient
from gdcli.codegen.stops import Stops
from gdcli.complete.fit_linear import loss_expression
from gdcli.complete.problem import expression_of
from gdcli.complete.rule import usual_rate
from gdcli.complete.sources import given
from gdcli.contract.descent import FitLinearSettings, MinimizeSettings
from gdcli.contract.short import in_a_title
from gdcli.errors import GdcliError
from gdcli.lang.parsing import parse
from gdcli.lang.values import bind
from gdcli.rules.catalogue import RULES

_ACTIVATIONS = {"relu": "torch.relu", "sigmoid": "torch.sigmoid", "tanh": "torch.tanh"}


def minimize_script(settings: MinimizeSettings) -> str:
    """A script that descends and prints each state; ``settings`` are complete.

    Raises:
        GdcliError: for options that a script cannot have.
    """
    expression = parse(expression_of(settings), settings.values)
    script = Script(settings, [expression], bind([expression], given(settings)))
    loss, lines = script.result(expression, "loss")
    loop = Loop(script, settings, settings.wrt, loss)
    loop.loss_lines = lines
    verb = "Maximize" if settings.maximize else "Minimize"
    return loop.text(f"{verb} {in_a_title(settings.expression)}")


def fit_linear_script(settings: FitLinearSettings) -> str:
    """A script that fits ``W`` and prints each state; ``settings`` are complete.

    Raises:
        GdcliError: for options that a script cannot have.
    """
    expression = parse(loss_expression(settings.activation))
    script = Script(settings, [expression], bind([expression], given(settings)))
    loop = Loop(script, settings, ["W"], script.new_name("loss"))
    call = _ACTIVATIONS.get(settings.activation, f"F.{settings.activation}")
    if call.startswith("F."):
        script.printer.modules.add("F")
    y, z = script.new_name("y"), script.new_name("z")
    layer = [f"{y} = W.matmul(x)"] if settings.activation == "none" else [f"{z} = W.matmul(x)", f"{y} = {call}({z})"]
    loop.loss_lines = [*layer, f"{loop.loss} = torch.sum(({y} - target)**2)"]
    activated = "W @ x" if settings.activation == "none" else f"{settings.activation}(W @ x)"
    return loop.text(f"Fit W in {activated} to target")


class Loop:
    """The loop of a descent as lines of a script; ``loss_lines`` compute its loss."""

    def __init__(
        self, script: Script, settings: MinimizeSettings | FitLinearSettings, wrt: Sequence[str], loss: str
    ) -> None:
        self.script = script
        self.settings = settings
        names = LoopNames(script.new_name("i"), script.new_name("steps"), loss)
        self.i, self.steps, self.loss = names.i, names.steps, names.loss
        rebinds = getattr(settings, "update", "") == "rebind"
        self.variables = []
        for name in wrt:
            rate = settings.lrs.get(name, _rate(settings))
            has_path = surely_has_gradient(script.expressions[0], name)
            self.variables.append(Moving(name, script.names[name], rate, has_path, rebinds or not has_path))
        self.loss_lines: list[str] = []
        self.batches = BatchLines(script, settings, names)
        self.rule = rule_of(script, settings, self.variables, names)
        self.stops = Stops(script, settings, self.variables, names)

    def text(self, title: str) -> str:
        """The script."""
        s = self.settings
        row = RULES[s.optimizer]
        how = f"with {row.path}" if row.path else f"by {row.method}"
        declared = self.script.declarations([v.name for v in self.variables])
        unshown = not_shown({name: getattr(s, name, False) for name in ("walk", "check")})
        setup = [*self.rule.setup(), f"{self.steps} = {s.steps}", *self.batches.setup()]
        loop = [f"for {self.i} in range({self.steps} + 1):", *_indented(self._body())]
        functions = self.script.functions()
        return self.script.text(
            f"{title} {how}.", unshown, declared, functions, setup, self.rule.function(self.loss_lines), loop
        )

    def _body(self) -> list[str]:
        lines = (
            self.batches.draw()
            + self.rule.evaluate(self.loss_lines)
            + self._shown()
            + self.stops.lines()
            + self._clipping()
        )
        return lines + self.rule.step() + self._projection() + self.rule.after_step()

    def _shown(self) -> list[str]:
        """The line of an iteration, as the notebook prints it, with every digit."""
        parts = [f"iteration {{{self.i}}}"]
        # In an f-string a tensor of no dimension is its number, with every digit.
        parts += [f"{v.name} {{{v.x}{'' if self._is_number(v) else '.tolist()'}}}" for v in self.variables]
        parts.append(f"loss {{{self.loss}{'' if self.script.has_no_dimension() else '.item()'}}}")
        for v in self.variables:
            label = f"{v.name}.grad" if len(self.variables) > 1 else "grad"
            parts.append(f"{label} {{{self._gradient_numbers(v)}}}")
        parts += [f"{label} {{{text}}}" for label, text in self.rule.shown_rates()]
        return _print_lines(parts)

    def _is_number(self, v: Moving) -> bool:
        return self.script.item(v.name) == "item"

    def _gradient_numbers(self, v: Moving) -> str:
        """The numbers of a gradient, or None."""
        if self._is_number(v):
            return f"{v.x}.grad"
        numbers = f"{v.x}.grad.tolist()"
        return f"None if {v.x}.grad is None else {numbers}" if v.may_lack_gradient else numbers

    def _clipping(self) -> list[str]:
        s, variables = self.settings, f"[{', '.join(v.x for v in self.variables)}]"
        lines = []
        if s.clip_value is not None:
            lines.append(f"torch.nn.utils.clip_grad_value_({variables}, {s.clip_value!r})")
        if s.clip_norm is not None:
            lines.append(f"torch.nn.utils.clip_grad_norm_({variables}, {s.clip_norm!r})")
        return lines

    def _projection(self) -> list[str]:
        """Variables that have left their bounds are put onto them."""
        lines = []
        for name, (low, high) in self.settings.bound.items():
            lines.append(f"    {self.script.names.get(name, name)}.clamp_({low!r}, {high!r})")
        return ["with torch.no_grad():  # projected gradient: clamp to the bounds", *lines] if lines else []


def _print_lines(parts: Sequence[str]) -> list[str]:
    """A print of the parts, separated by commas; in several lines when it is long."""
    whole = f'print(f"{", ".join(parts)}")'
    if len(whole) + 4 <= WIDTH:
        return [whole]
    rows = [""]
    for i, part in enumerate(parts):
        piece = part + (", " if i < len(parts) - 1 else "")
        if rows[-1] and len(rows[-1]) + len(piece) > WIDTH - 12:
            rows.append("")
        rows[-1] += piece
    return ["print(", *(f'    f"{row}"' for row in rows), ")"]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" if line else line for line in lines]


def _rate(settings: MinimizeSettings | FitLinearSettings) -> float:
    if settings.lr == "auto":
        message = "--lr auto computes the learning rate in a run, but a script is written without one"
        raise GdcliError("code", message, "run the command first, and give the lr that it shows: --lr NUMBER")
    rate = usual_rate(settings)
    return math.nan if rate is None else float(rate)
