"""What is said of a descent that has ended: findings, and remedies."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

FindingCode = Literal[
    "unbounded", "learning-rate-too-large", "momentum-too-large", "not-finite", "dead-relu", "uphill", "saddle",
    "vanishing-gradient", "zig-zag", "oscillating", "slow", "rate", "float-floor", "no-curvature", "incomplete",
]  # fmt: skip


class Remedy(Struct, frozen=True):
    """Settings to change: ``settings`` by their names, as a config has them, and the same as ``options``.

    ``effect`` says what they do: as computed, or as tried for some steps.
    """

    settings: dict[str, Any]
    options: str
    effect: str


class Finding(Struct, frozen=True):
    """Something that explains how a descent went.

    ``code`` is for scripts and ``message`` one sentence for people; ``evidence`` holds the numbers behind it, by names
    that depend on the code, and ``remedy`` what to change (null when nothing is known to help, or nothing is wrong).
    "rate" tells how fast a run came to its goal; "no-curvature" and "incomplete" say what could not be found out.
    """

    code: FindingCode
    message: str
    remedy: Remedy | None
    evidence: dict[str, Any]
