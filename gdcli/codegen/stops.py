"""When the loop of a script ends: after its steps, where it diverges, and at the tolerances of the run."""

from __future__ import annotations

from collections.abc import Sequence

from gdcli.codegen.rules import LoopNames, Moving
from gdcli.codegen.script import WIDTH, Script, broken, draws
from gdcli.contract.descent import GROWTH, DescentSettings
from gdcli.rules.parameters import rates_change, remembers


class Stops:
    """The tests at the end of an iteration, in lines: those of ``descent/stopping.py``, with the same answers."""

    def __init__(
        self, script: Script, settings: DescentSettings, variables: Sequence[Moving], names: LoopNames
    ) -> None:
        self.script = script
        self.settings = settings
        self.variables = variables
        self.i, self.steps, self.loss = names.i, names.steps, names.loss
        self.limit, self.finite = script.new_name("limit"), script.new_name("finite")
        self.norm, self.first, self.previous = (script.new_name(name) for name in ("norm", "first", "previous"))
        self.point, self.last_point = script.new_name("point"), script.new_name("last_point")
        self.grown, self.last_norm = script.new_name("grown"), script.new_name("last_norm")
        self.state, self.landmark = script.new_name("state"), script.new_name("landmark")
        s = settings
        has_tolerance = any(tolerance is not None for tolerance in (s.tol_grad, s.tol_loss, s.tol_x, s.until))
        changes = remembers(s) or rates_change(s) or any(map(draws, script.expressions))
        self.sees_cycles = has_tolerance and not changes

    def lines(self) -> list[str]:
        """The lines of all tests."""
        return self._limited() + self._no_gradient() + self._ended() + self._tolerances() + self._repeated()

    def _limited(self) -> list[str]:
        """The size of the loss beyond which a run whose gradient still grows counts as diverged."""
        if self.settings.maximize:
            return []
        growth = f"{GROWTH:.0e}".replace("+", "")
        limit = f"{self.limit} = {growth} * max(1, abs({self.loss}.item()))"
        return [f"if {self.i} == 0:", f"    {limit}  # a larger loss may diverge"]

    def _no_gradient(self) -> list[str]:
        if not all(v.may_lack_gradient for v in self.variables):
            return []
        none = " and ".join(f"{v.x}.grad is None" for v in self.variables)
        return [f"if {none}:", "    break  # no gradient, so no update"]

    def _ended(self) -> list[str]:
        looked_at = ", ".join([self.loss, *(f"{v.x}.grad" for v in self.variables)])
        # Where all of them may be None, the test before has seen to it.
        some = any(v.may_lack_gradient for v in self.variables) and len(self.variables) > 1
        is_finite = "t is None or t.isfinite().all()" if some else "t.isfinite().all()"
        condition = f"{self.i} == {self.steps} or not {self.finite}"
        lines = broken(f"{self.finite} = all({is_finite} for t in [{looked_at}])", WIDTH - 4)
        if bounded := [v.x for v in self.variables if v.name in self.settings.bound]:
            held = f"all(not t.isnan().any() for t in [{', '.join(bounded)}])"
            lines += broken(f"{self.finite} = {self.finite} and {held}", WIDTH - 4)
        if not self.settings.maximize or self.settings.tol_grad is not None:
            lines += broken(f"{self.norm} = {self._norm()}", WIDTH - 4)
        if self.settings.maximize:
            return [*lines, f"if {condition}:", "    break  # after the last update, or when the run diverged"]
        is_large = f"abs({self.loss}.item()) > {self.limit}"
        return [
            *lines,
            f"{self.grown} = {is_large} and {self.norm} > {self.last_norm}",
            f"if {condition} or {self.grown}:",
            "    break  # after the last update, or when the run diverged",
            f"{self.last_norm} = {self.norm}",
        ]

    def _norm(self) -> str:
        """The norm of the gradient of all variables."""
        if len(self.variables) == 1 and self.script.item(self.variables[0].name) == "item":
            return f"abs({self.variables[0].x}.grad.item())"
        self.script.printer.modules.add("math")
        return f"math.hypot({', '.join(map(self._elements, self.variables))})"

    def _elements(self, v: Moving) -> str:
        """The elements of a gradient as arguments; none where autograd has none."""
        if v.has_path and self.script.item(v.name) == "item":
            return f"{v.x}.grad.item()"
        numbers = f"{v.x}.grad.flatten().tolist()"
        return f"*{numbers}" if v.has_path else f"*([] if {v.x}.grad is None else {numbers})"

    def _tolerances(self) -> list[str]:
        s, i, loss = self.settings, self.i, self.loss
        before: list[str] = []
        tests: list[tuple[str, str]] = []  # each with what it says
        after: list[str] = []
        if s.tol_grad is not None:
            before += [f"if {i} == 0:", f"    {self.first} = {self.norm}"]
            tests.append((f"{self.norm} <= {_limit(s.tol_grad, self.first)}", "the gradient is small"))
        if s.tol_loss is not None:
            change = f"abs({loss}.item() - {self.previous})"
            limit = _limit(s.tol_loss, f"abs({loss}.item())")
            tests.append((f"{i} > 0 and {change} <= {limit}", "the loss changes little"))
            after += [f"{self.previous} = {loss}.item()"]
        if s.tol_x is not None:
            self.script.printer.modules.add("math")
            numbers = ", ".join(f"*{v.x}.flatten().tolist()" for v in self.variables)
            move = f"math.dist({self.point}, {self.last_point})"
            limit = _limit(s.tol_x, f"math.hypot(*{self.point})")
            before += [f"{self.point} = [{numbers}]"]
            tests.append((f"{i} > 0 and {move} <= {limit}", "the variables change little"))
            after += [f"{self.last_point} = {self.point}"]
        if s.tol == "all" and len(tests) > 1:
            conditions = [f"    {'and ' * (k > 0)}{test}  # {said}" for k, (test, said) in enumerate(tests)]
            ends = ["if (", *conditions, "):", "    break  # converged"]
        else:
            ends = [line for test, said in tests for line in (f"if {test}:", f"    break  # converged: {said}")]
        return [*self._reached(), *before, *ends, *after]

    def _reached(self) -> list[str]:
        if self.settings.until is None:
            return []
        sign = ">=" if self.settings.maximize else "<="
        return [f"if {self.loss}.item() {sign} {self.settings.until!r}:", "    break  # the loss that was asked for"]

    def _repeated(self) -> list[str]:
        """Whether the state was there before: compared with that at the last power of two (Brent 1980)."""
        if not self.sees_cycles:
            return []
        is_number = {v.name: self.script.item(v.name) == "item" for v in self.variables}
        numbers = [f"{v.x}.item()" if is_number[v.name] else f"*{v.x}.flatten().tolist()" for v in self.variables]
        i, state, landmark = self.i, self.state, self.landmark
        return [
            *broken(f"{state} = [{', '.join([*numbers, *map(self._elements, self.variables)])}]", WIDTH - 4),
            f"if {i} > 0 and {state} == {landmark}:",
            "    break  # the run stands still, or repeats itself",
            f"if {i} & ({i} - 1) == 0:",
            f"    {landmark} = {state}",
        ]


def _limit(tolerance: Sequence[float], size: str) -> str:
    """``absolute + relative * size``."""
    absolute, relative = (*tolerance, 0.0)[:2]
    return f"{absolute!r} + {relative!r} * {size}" if relative else repr(absolute)
