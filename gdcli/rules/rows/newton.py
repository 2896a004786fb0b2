"""Newton's method."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from gdcli.rules.equations import Explained, Terms
from gdcli.rules.row import RuleRow, ScriptLines

if TYPE_CHECKING:
    from gdcli.codegen.by_hand import ByHand


def _equations(terms: Terms) -> Explained:
    rate = "lr" if terms["damping"] == 1 else "lr * damping"
    after = ("after", f"before - {rate} * direction")
    if "hessian" in terms:
        return Explained([("direction", "gradient / hessian"), after])
    return Explained([after], "the direction solves Hessian @ direction = gradient, over all variables", ("direction",))


def _setup(s: ByHand) -> Sequence[str]:
    variables = f"[{', '.join(v.x for v in s.variables)}]"
    if s.parameters["damping"] != 1:
        return [f"{s.own('damping')} = {s.number('damping')}", f"{s.own('variables')} = {variables}"]
    return [f"{s.own('variables')} = {variables}"]


def _solve(s: ByHand) -> Sequence[str]:
    own, variables = s.own, s.own("variables")
    names = ("gradient", "row", "rows", "d", "hessian", "step", "singular")
    gradient, row, rows, d, h, step, singular = (own(name) for name in names)
    grad, wide = "torch.autograd.grad", "" if s.settings.dtype in ("float32", "float64") else ".float()"
    seen = ", ".join(f"{s.gradient_or_zeros(v)}.flatten()" for v in s.variables)
    return [
        f"{gradient} = {grad}({s.loss_function}(), {variables}, create_graph=True{s.zeros_for_none})",
        f"{gradient} = torch.cat([{d}.flatten() for {d} in {gradient}])",
        f"if not {gradient}.requires_grad:",
        "    break  # no curvature: the Hessian is 0",
        f"{rows} = []  # rows of the Hessian",
        f"for {d} in {gradient}:",
        f"    {row} = {grad}(",
        f"        {d}, {variables}, retain_graph=True, materialize_grads=True",
        "    )",
        f"    {rows}.append(torch.cat([{d}.flatten() for {d} in {row}]))",
        f"{h} = torch.stack({rows})",
        f"{h} = ({h} + {h}.T) / 2",
        f"{gradient} = torch.cat([{seen}])",
        f"{step}, {singular} = torch.linalg.solve_ex({h}{wide}, {gradient}{wide})",
        f"if {singular}:",
        "    break  # the Hessian is singular",
        f"{step} = {step}{'.to(' + h + '.dtype)' if wide else ''}.split([{d}.numel() for {d} in {variables}])",
    ]


def _step(s: ByHand) -> Sequence[str]:
    times = "" if s.parameters["damping"] == 1 else f" * {s.own('damping')}"
    step = s.own("step")
    return [f"{v.x} -= {s.rate(v)}{times} * {step}[{k}].reshape({v.x}.shape)" for k, v in enumerate(s.variables)]


ROWS = (
    RuleRow(
        name="newton",
        made_by="gdcli.rules.newton.Newton",
        parameters=MappingProxyType({"maximize": False, "damping": 1.0}),
        lr=1.0,
        formula="x -= lr * damping * d, with H @ d = g over all variables; computing H is not counted as an evaluation",
        source="Nocedal and Wright (2006), Numerical optimization, section 3.3",
        method="Newton's method",
        equations=_equations,
        script=ScriptLines(setup=_setup, before_step=_solve, step=_step),
        remembers=False,
        elementwise=False,
        evaluates=True,
        second_order=True,
        no_clipping="solves a system with the Hessian, which does not match a clipped gradient",
    ),
)
