"""The equations of ``--walk``, as functions of the numbers that a step has left behind. No torch here.

Each function takes the terms of one variable in one step and returns the equations that hold for them; a rule's row
names its own. Nothing is computed here.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

Terms = dict[str, Any]
"""The numbers of one variable in one step, each a number or nested lists of its shape."""
Equation = tuple[str, str]
"""A term, and the formula that gives it."""
_TERM = re.compile(r"[a-z_][a-z_0-9]*")


class Explained(Struct, frozen=True):
    """The equations of a step, what is special in it in words, and terms to keep that stand in no equation."""

    equations: list[Equation]
    note: str = ""
    also: tuple[str, ...] = ()

    def terms_of(self, terms: Terms) -> Terms:
        """Those of the terms that are used."""
        used = {"before", "gradient", "lr", "after", *self.also}
        used |= {term for symbol, formula in self.equations for term in [symbol, *_TERM.findall(formula)]}
        return {key: value for key, value in terms.items() if key in used}


def without_equations(name: str, when: str = "") -> Explained:
    """What is said of a rule that has no equation."""
    return Explained([], f"no equation is shown for {name}{when}; gdcli optimizers {name} shows its formula")


def against(terms: Terms, *, decays: bool = True) -> str:
    """The gradient to go against: with the sign of the direction, and weight decay added."""
    gradient = "(-gradient)" if terms.get("maximize") else "gradient"
    if decays and terms.get("weight_decay"):
        return f"({gradient} + weight_decay * before)"
    return gradient


def plain_step(terms: Terms) -> Explained:
    """``x -= lr * g``."""
    return Explained([("after", f"before - lr * {against(terms)}")])


def momentum_step(terms: Terms) -> Explained:
    """Momentum in PyTorch's convention (torch.optim.SGD); the buffer starts as the first gradient."""
    if not terms.get("momentum"):
        return plain_step(terms)
    g, note = against(terms), ""
    if terms.get("buffer_before") is None:
        buffer = g.removeprefix("(").removesuffix(")") if "+" in g else g
        note = "the buffer is initialized to the first gradient" + (
            ", without dampening" if terms.get("dampening") else ""
        )
    else:
        buffer = f"momentum * buffer_before + {f'(1 - dampening) * {g}' if terms.get('dampening') else g}"
    direction = f"({g} + momentum * buffer)" if terms.get("nesterov") else "buffer"
    return Explained([("buffer", buffer), ("after", f"before - lr * {direction}")], note)


def adam_step(terms: Terms) -> Explained:
    """Kingma and Ba (2015), algorithm 1."""
    return adam_equations(terms, against(terms), "before")


def adam_equations(terms: Terms, g: str, start: str) -> Explained:
    """The equations of Adam, with the gradient ``g``, from ``start``."""
    for key in ("mean", "square"):
        if terms.get(f"{key}_before") is None:
            terms[f"{key}_before"] = 0.0  # the state is made, as zeros, in the first step
    if terms.get("amsgrad"):
        return without_equations("amsgrad")
    step = "(mean / (1 - beta1**t)) / (sqrt(square / (1 - beta2**t)) + eps)"
    return Explained(
        [
            ("mean", f"beta1 * mean_before + (1 - beta1) * {g}"),
            ("square", f"beta2 * square_before + (1 - beta2) * {g}**2"),
            ("after", f"{start} - lr * {step}"),
        ]
    )


def rmsprop_step(terms: Terms) -> Explained:
    """Tieleman and Hinton (2012), in PyTorch's form or with ``eps`` inside the root."""
    if terms.get("centered"):
        return without_equations("rmsprop", " when it is centered")
    if terms.get("square_before") is None:
        terms["square_before"] = 0.0
    g = against(terms)
    root = "sqrt(square + eps)" if terms.get("eps_inside") else "(sqrt(square) + eps)"
    square = ("square", f"alpha * square_before + (1 - alpha) * {g}**2")
    if not terms.get("momentum"):
        return Explained([square, ("after", f"before - lr * {g} / {root}")])
    if terms.get("buffer_before") is None:
        terms["buffer_before"] = 0.0
    buffer = ("buffer", f"momentum * buffer_before + {g} / {root}")
    return Explained([square, buffer, ("after", "before - lr * buffer")])
