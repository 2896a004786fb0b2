"""Rules by hand as a lecture writes them: gradient descent and its classics, and Newton's method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gdcli.rules.equations import Explained, Terms, adam_step, momentum_step, plain_step, rmsprop_step
from gdcli.rules.row import RuleRow, ScriptLines

if TYPE_CHECKING:
    from gdcli.codegen.by_hand import ByHand

_SHARED: dict[str, Any] = {"weight_decay": 0.0, "maximize": False}


def _manual(s: ByHand) -> Sequence[str]:
    return s.for_each(lambda v: [f"{v.x} -= {s.rate(v)} * {s.gradient(v)}"])


def _momentum(s: ByHand) -> Sequence[str]:
    momentum = s.number("momentum")
    return s.for_each(
        lambda v: [
            f"{s.kept(v, 'v')} = {momentum} * {s.kept(v, 'v')} + {s.gradient(v)}",
            f"{v.x} -= {s.rate(v)} * {s.kept(v, 'v')}",
        ]
    )


def _nesterov_equations(terms: Terms) -> Explained:
    return momentum_step(terms | {"nesterov": True})


def _nesterov(s: ByHand) -> Sequence[str]:
    momentum = s.number("momentum")
    return s.for_each(
        lambda v: [
            f"{s.kept(v, 'v')} = {momentum} * {s.kept(v, 'v')} + {s.gradient(v)}",
            f"{v.x} -= {s.rate(v)} * ({s.gradient(v)} + {momentum} * {s.kept(v, 'v')})",
        ]
    )


def _adam_setup(s: ByHand) -> Sequence[str]:
    return [f"({s.own('b1')}, {s.own('b2')}), {s.own('eps')} = {s.number('betas')}, {s.number('eps')}"]


def _adam_time(s: ByHand) -> Sequence[str]:
    return [f"{s.own('t')} = {s.i} + 1"]


def _adam(s: ByHand) -> Sequence[str]:
    b1, b2, t, eps = s.own("b1"), s.own("b2"), s.own("t"), s.own("eps")
    m_hat, v_hat = s.own("m_hat"), s.own("v_hat")
    return s.for_each(
        lambda v: [
            f"{s.kept(v, 'm')} = {b1} * {s.kept(v, 'm')} + (1 - {b1}) * {s.gradient(v)}",
            f"{s.kept(v, 'v')} = {b2} * {s.kept(v, 'v')} + (1 - {b2}) * {s.operand(v)}**2",
            f"{m_hat}, {v_hat} = {s.kept(v, 'm')} / (1 - {b1}**{t}), {s.kept(v, 'v')} / (1 - {b2}**{t})",
            f"{v.x} -= {s.rate(v)} * {m_hat} / (torch.sqrt({v_hat}) + {eps})",
        ]
    )


def _rmsprop(s: ByHand) -> Sequence[str]:
    alpha, eps = s.number("alpha"), s.number("eps")
    root = "torch.sqrt({v} + {eps})" if s.parameters["eps_inside"] else "(torch.sqrt({v}) + {eps})"
    return s.for_each(
        lambda v: [
            f"{s.kept(v, 'v')} = {alpha} * {s.kept(v, 'v')} + (1 - {alpha}) * {s.operand(v)}**2",
            f"{v.x} -= {s.rate(v)} * {s.gradient(v)} / {root.format(v=s.kept(v, 'v'), eps=eps)}",
        ]
    )


def _newton_equations(terms: Terms) -> Explained:
    rate = "lr" if terms["damping"] == 1 else "lr * damping"
    after = ("after", f"before - {rate} * direction")
    if "hessian" in terms:
        return Explained([("direction", "gradient / hessian"), after])
    return Explained([after], "the direction solves Hessian @ direction = gradient, over all variables", ("direction",))


def _newton_setup(s: ByHand) -> Sequence[str]:
    variables = f"[{', '.join(v.x for v in s.variables)}]"
    if s.parameters["damping"] != 1:
        return [f"{s.own('damping')} = {s.number('damping')}", f"{s.own('variables')} = {variables}"]
    return [f"{s.own('variables')} = {variables}"]


def _newton_solve(s: ByHand) -> Sequence[str]:
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


def _newton_step(s: ByHand) -> Sequence[str]:
    times = "" if s.parameters["damping"] == 1 else f" * {s.own('damping')}"
    step = s.own("step")
    return [f"{v.x} -= {s.rate(v)}{times} * {step}[{k}].reshape({v.x}.shape)" for k, v in enumerate(s.variables)]


ROWS = (
    RuleRow(
        name="manual",
        made_by="gdcli.rules.by_hand.Manual",
        parameters=MappingProxyType(_SHARED),
        lr=0.1,
        formula="x -= lr * g",
        source="Cauchy (1847), Méthode générale pour la résolution des systèmes d'équations simultanées",
        equations=plain_step,
        script=ScriptLines(step=_manual),
        remembers=False,
        can_rebind=True,
        linear="plain",
    ),
    RuleRow(
        name="manual-momentum",
        made_by="gdcli.rules.by_hand.Momentum",
        parameters=MappingProxyType({**_SHARED, "momentum": 0.9}),
        lr=0.1,
        formula="v = momentum * v + g;  x -= lr * v",
        source="Polyak (1964), Some methods of speeding up the convergence of iteration methods",
        equations=momentum_step,
        script=ScriptLines(step=_momentum, remembers="v"),
        linear="heavy ball",
    ),
    RuleRow(
        name="manual-nesterov",
        made_by="gdcli.rules.by_hand.Nesterov",
        parameters=MappingProxyType({**_SHARED, "momentum": 0.9}),
        lr=0.1,
        formula="v = momentum * v + g;  x -= lr * (g + momentum * v)",
        source="Nesterov (1983), A method of solving a convex programming problem with rate O(1/k²); form of "
        "Sutskever et al. (2013)",
        equations=_nesterov_equations,
        script=ScriptLines(step=_nesterov, remembers="v"),
        linear="nesterov",
    ),
    RuleRow(
        name="manual-adam",
        made_by="gdcli.rules.by_hand.Adam",
        parameters=MappingProxyType({**_SHARED, "betas": (0.9, 0.999), "eps": 1e-8}),
        lr=0.001,
        formula="m = b1 * m + (1 - b1) * g;  v = b2 * v + (1 - b2) * g**2;  "
        "x -= lr * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps)",
        source="Kingma and Ba (2015), Adam: a method for stochastic optimization",
        equations=adam_step,
        script=ScriptLines(setup=_adam_setup, before_step=_adam_time, step=_adam, remembers="mv"),
    ),
    RuleRow(
        name="manual-rmsprop",
        made_by="gdcli.rules.by_hand.RMSprop",
        parameters=MappingProxyType({**_SHARED, "alpha": 0.99, "eps": 1e-8, "eps_inside": False}),
        lr=0.01,
        formula="v = alpha * v + (1 - alpha) * g**2;  x -= lr * g / (sqrt(v + eps) if eps_inside else sqrt(v) + eps)",
        source="Tieleman and Hinton (2012), lecture 6.5 of Neural networks for machine learning",
        equations=rmsprop_step,
        script=ScriptLines(step=_rmsprop, remembers="v"),
    ),
    RuleRow(
        name="newton",
        made_by="gdcli.rules.newton.Newton",
        parameters=MappingProxyType({"maximize": False, "damping": 1.0}),
        between=MappingProxyType({"damping": (0.0, math.inf)}),
        lr=1.0,
        formula="x -= lr * damping * solve(H, g);  where H is the Hessian over all variables, which is not counted as "
        "an evaluation",
        source="Nocedal and Wright (2006), Numerical optimization, section 3.3",
        method="Newton's method",
        equations=_newton_equations,
        script=ScriptLines(setup=_newton_setup, before_step=_newton_solve, step=_newton_step),
        remembers=False,
        elementwise=False,
        evaluates=True,
        second_order=True,
        no_clipping="solves a system with the Hessian, which does not match a clipped gradient",
    ),
)
