"""Elementwise minima and maxima, bounds, and selection by a condition."""

from __future__ import annotations

from gdcli.lang.functions.rows import elementwise

CATEGORY = "limits and choice"

FUNCTIONS = (
    elementwise(
        "minimum",
        "input, other",
        "the smaller of the two; nan if one is nan",
        "minimum([1, 5], [3, 2])",
        facts=("elementwise", "choice"),
    ),
    elementwise(
        "maximum",
        "input, other",
        "the larger of the two; nan if one is nan",
        "maximum([1, 5], [3, 2])",
        facts=("elementwise", "choice"),
    ),
    elementwise(
        "fmin",
        "input, other",
        "the smaller of the two; nan only if both are",
        "fmin([1, nan], [3, 2])",
        facts=("elementwise", "choice"),
    ),
    elementwise(
        "fmax",
        "input, other",
        "the larger of the two; nan only if both are",
        "fmax([1, nan], [3, 2])",
        facts=("elementwise", "choice"),
    ),
    elementwise(
        "clamp",
        "input, min: either = None, max: either = None",
        "input clamped between min and max",
        "clamp([-2, 0.5, 2], -1, 1)",
        facts=("elementwise", "bounds"),
        other_names=("clip",),
    ),
    elementwise("clamp_min", "input, min: either", "input, but at least min", "clamp_min([-2, 2], 0)"),
    elementwise("clamp_max", "input, max: either", "input, but at most max", "clamp_max([-2, 2], 0)"),
    elementwise(
        "nan_to_num",
        "input, nan: number = 0, posinf: number = None, neginf: number = None",
        "nan and infinities replaced by numbers",
        "nan_to_num([nan, inf, 1])",
    ),
    elementwise(
        "where",
        "condition, input, other",
        "input where the condition holds, else other",
        "where([1, 2] > 1.5, 10, 20)",
    ),
)
