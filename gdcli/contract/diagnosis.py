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
