"""Gradient descent and its classics, as a lecture writes them: one gradient a step, each element on its own."""

from __future__ import annotations

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
        formula="v = alpha * v + (1 - alpha) * g**2;  x -= lr * g / (sqrt(v) + eps)  "
        "(eps_inside: x -= lr * g / sqrt(v + eps))",
        source="Tieleman and Hinton (2012), lecture 6.5 of Neural networks for machine learning",
        equations=rmsprop_step,
        script=ScriptLines(step=_rmsprop, remembers="v"),
    ),
)
