"""The diagnosis of a finished descent: findings and remedies."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

FindingCode = Literal[
    "unbounded", "learning-rate-too-large", "momentum-too-large", "not-finite", "dead-relu", "uphill", "saddle",
    "vanishing-gradient", "zig-zag", "oscillating", "slow", "rate", "float-floor", "no-curvature", "incomplete",
]  # fmt: skip


class Remedy(Struct, frozen=True):
    """Settings to change: ``settings`` by name, as in a config, and the same as ``options`` of the command line.

    ``effect`` says what they do: as computed, or as observed in a trial of some steps.
    """

    settings: dict[str, Any]
    options: str
    effect: str


class Finding(Struct, frozen=True):
    """Something that explains how a descent went.

    ``code`` is for scripts, ``message`` is one sentence for people; ``evidence`` holds the numbers behind it, under
    names that depend on the code, and ``remedy`` says what to change (null when nothing is known to help or nothing is
    wrong). "rate" says how fast a run converged; "no-curvature" and "incomplete" say what could not be determined.
    """

    code: FindingCode
    message: str
    remedy: Remedy | None
    evidence: dict[str, Any]
