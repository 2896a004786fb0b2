"""Digits in agreement of a number with the exact one.

B. D. McCullough (1998), "Assessing the reliability of statistical software: part I": the log relative error.
"""

from __future__ import annotations

import math

MOST_DIGITS = 15.0  # a float64 holds no more


def digits(value: float, exact: float) -> float | None:
    """``-log10(|value - exact| / |exact|)``, of ``|value|`` where the exact number is 0: from 0 to 15.

    None where one of them is not finite.
    """
    if not (math.isfinite(value) and math.isfinite(exact)):
        return None
    apart = abs(value - exact) / (abs(exact) or 1.0)
    return min(max(0.0, -math.log10(apart)), MOST_DIGITS) if apart > 0 else MOST_DIGITS
