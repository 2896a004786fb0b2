"""When the loop of a script ends: after its steps, where it diverges, and at the tolerances of the run."""

from __future__ import annotations

from collections.abc import Sequence

from gdcli.codegen.rules import LoopNames, Moving
from gdcli.codegen.script import WIDTH, Script, broken
from gdcli.contract.descent import GROWTH, DescentSettings


class Stops:
    """The tests at the end of an iteration, in lines."""

    def __init__(
        self, script: Script, settings: DescentSettings, variables: Sequence[Moving], names: LoopNames
    ) -> None:
        self.settings = settings
        self.variables = variables
        self.i, self.steps, self.loss = names.i, names.steps, names.loss
        self.limit, self.finite = script.new_name("limit"), script.new_name("finite")
        self.norm, self.first, self.previous = (script.new_name(name) for name in ("norm", "first", "previous"))
        self.point, self.last_point = script.new_name("point"), script.new_name("last_point")
        if settings.tol_grad is not None or settings.tol_x is not None:
            script.printer.modules.add("math")

    def lines(self) -> list[str]:
        """The lines of all tests."""
        return self._grown() + self._no_gradient() + self._ended() + self._tolerances()

    def _grown(self) -> list[str]:
        """The size of the loss beyond which a run counts as diverged."""
        if self.settings.maximize:
            return []
        growth = f"{GROWTH:.0e}".replace("+", "")
        limit = f"{self.limit} = {growth} * max(1, abs({self.loss}.item()))"
        return [f"if {self.i} == 0:", f"    {limit}  # a larger loss has diverged"]

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
        if not self.settings.maximize:
            condition += f" or abs({self.loss}.item()) > {self.limit}"
        return [
            *broken(f"{self.finite} = all({is_finite} for t in [{looked_at}])", WIDTH - 4),
            f"if {condition}:",
            "    break  # after the last update, or when the run diverged",
        ]

    def _tolerances(self) -> list[str]:
        s, i, loss = self.settings, self.i, self.loss
        lines: list[str] = []
        if s.tol_grad is not None:
            gradients = ", ".join(f"*{v.x}.grad.flatten().tolist()" for v in self.variables if not v.may_lack_gradient)
            lines += [
                f"{self.norm} = math.hypot({gradients})",
                f"if {i} == 0:",
                f"    {self.first} = {self.norm}",
            ]
            lines += [
                f"if {self.norm} <= {_limit(s.tol_grad, self.first)}:",
                "    break  # converged: the gradient is small",
            ]
        if s.tol_loss is not None:
            change = f"abs({loss}.item() - {self.previous})"
            limit = _limit(s.tol_loss, f"abs({loss}.item())")
            lines += [f"if {i} > 0 and {change} <= {limit}:", "    break  # converged: the loss changes little"]
            lines += [f"{self.previous} = {loss}.item()"]
        if s.tol_x is not None:
            numbers = ", ".join(f"*{v.x}.flatten().tolist()" for v in self.variables)
            move = f"math.dist({self.point}, {self.last_point})"
            limit = _limit(s.tol_x, f"math.hypot(*{self.point})")
            lines += [f"{self.point} = [{numbers}]"]
            lines += [f"if {i} > 0 and {move} <= {limit}:", "    break  # converged: the variables change little"]
            lines += [f"{self.last_point} = {self.point}"]
        return lines


def _limit(tolerance: Sequence[float], size: str) -> str:
    """``absolute + relative * size``."""
    absolute, relative = (*tolerance, 0.0)[:2]
    return f"{absolute!r} + {relative!r} * {size}" if relative else repr(absolute)
