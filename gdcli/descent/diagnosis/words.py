"""Points and directions in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gdcli.contract.short import short

_NEARLY_1 = 1e-3


def factor_in_words(factor: float) -> str:
    """A factor per step; one that is nearly 1 by its distance from it: ``1 - 2e-06``."""
    rest = factor - 1
    if 0 < abs(rest) < _NEARLY_1:
        return f"1 {'+' if rest > 0 else '-'} {short(abs(rest), 2)}"
    return short(factor, 4)


def point_in_words(point: Sequence[float], labels: Sequence[str]) -> str:
    """A point by its variables: ``x = 1.5, y = 2``."""
    return ", ".join(f"{label} = {short(x, 6)}" for label, x in zip(labels, point, strict=True))


def direction_in_words(vector: Sequence[float], labels: Sequence[str]) -> str:
    """A direction by its variables: ``along y``, ``along 0.71 x - 0.71 y``, ``mostly along W[0,3]``."""
    main = {label: part for label, part in parts_of(vector, labels).items() if abs(part) >= 0.3}
    if not main:
        largest = max(range(len(vector)), key=lambda i: abs(vector[i]))
        return f"mostly along {labels[largest]}"
    if abs(next(iter(main.values()))) > 0.98:
        return f"along {next(iter(main))}"
    terms = [f"{'-' if part < 0 else '+'} {short(abs(part), 2)} {label}" for label, part in main.items()]
    words = " ".join(terms).removeprefix("+ ")
    words = f"-{words[2:]}" if words.startswith("- ") else words
    return f"{'along' if math.hypot(*main.values()) > 0.98 else 'mostly along'} {words}"


def parts_of(vector: Sequence[float], labels: Sequence[str]) -> dict[str, float]:
    """The five largest parts of a direction that matter, the largest first, as parts of a unit vector."""
    length = math.hypot(*vector) or 1.0
    order = sorted(range(len(vector)), key=lambda i: -abs(vector[i]))[:5]
    return {labels[i]: vector[i] / length for i in order if abs(vector[i]) > 1e-3 * length}
