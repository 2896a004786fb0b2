"""The diagnosis of a finished descent: findings and remedies."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

FindingCode = Literal[
    "unbounded", "no-minimum", "kink", "cycling", "learning-rate-too-large", "momentum-too-large",
    "overflow-recovered", "not-finite", "dead-relu", "uphill", "saddle", "stationary", "held", "vanishing-gradient",
    "local-minimum", "zig-zag", "oscillating", "badly-scaled", "slow", "rate", "float-floor", "broadcast",
    "unexplained", "work-limit", "no-curvature", "incomplete", "batch-noise",
]  # fmt: skip


MEANINGS: dict[FindingCode, str] = {
    "learning-rate-too-large": "each step makes the error larger along one direction",
    "momentum-too-large": "the momentum is so large that errors never shrink",
    "oscillating": "successive gradients point against each other",
    "zig-zag": "the gradients point against each other across a valley",
    "slow": "the run has not arrived: how fast it is, and how many steps it needs",
    "rate": "the run has arrived: how fast it was",
    "badly-scaled": "the curvature along one variable is far larger than along another",
    "kink": "the gradient jumps: abs, relu, max",
    "cycling": "the same states come again and again",
    "overflow-recovered": "the loss grew to more than a thousand times its size and came back",
    "unbounded": "the loss falls without end, so there is no minimum",
    "no-minimum": "the loss falls towards a limit that it reaches nowhere",
    "not-finite": "the first operation whose result was nan or inf",
    "saddle": "the gradient is 0, or nearly, and the loss is lower on both sides",
    "stationary": "the gradient is 0 at the start, and the loss is lower beside it",
    "vanishing-gradient": "the gradient is tiny, and no minimum is near",
    "local-minimum": "the run ended at a minimum, and a lower one is known",
    "dead-relu": "a ReLU returns 0 for every input, so no gradient comes through",
    "held": "a bound, a rate of 0, a schedule or the rule itself holds the run",
    "uphill": "a step of Newton's method increased the loss",
    "float-floor": "the steps are smaller than the spacing of the numbers of the dtype",
    "broadcast": "a column and a vector give a matrix of all pairs",
    "batch-noise": "each batch has another minimum, and the coefficients move between them",
    "unexplained": "none of these causes was found",
    "work-limit": "not every remedy was tried, because trial runs had cost as much as they may",
    "no-curvature": "why there is no Hessian (in JSON only)",
    "incomplete": "a part of the diagnosis that failed (in JSON only)",
}
"""What each finding says, in the order in which they are explained."""


class Remedy(Struct, frozen=True):
    """Settings to change: ``settings`` by name, as in a config, and the same as ``options`` of the command line.

    They were tried: the run with them was made, for as many steps as the run had. ``effect`` says what it did; ``loss``
    is the loss at its end, and ``arrives`` the iteration at which its gradient was as small as it should become (null
    when it was not).
    """

    settings: dict[str, Any]
    options: str
    effect: str
    loss: float
    arrives: int | None


class Finding(Struct, frozen=True):
    """Something that explains how a descent went.

    ``code`` is for scripts, ``message`` is one sentence for people; ``evidence`` holds the numbers behind it, under
    names that depend on the code, and ``remedy`` says what to change (null when nothing is known to help or nothing is
    wrong). "rate" says how fast a run converged; "work-limit", "no-curvature" and "incomplete" say what could not be
    determined.
    """

    code: FindingCode
    message: str
    remedy: Remedy | None
    evidence: dict[str, Any]
