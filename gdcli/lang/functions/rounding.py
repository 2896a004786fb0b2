"""Rounding, and steps."""

from __future__ import annotations

from gdcli.lang.functions.rows import UNDERIVED, elementwise, step

CATEGORY = "rounding"

FUNCTIONS = (
    step("floor", "input", "nearest whole number below", "floor([1.7, -1.7])"),
    step("ceil", "input", "nearest whole number above", "ceil([1.2, -1.2])"),
    step(
        "round",
        "input, *, decimals: int = 0",
        "nearest whole number, halves to even",
        "round([0.5, 1.5])",
        also=("torch.special.round",),
    ),
    step("trunc", "input", "the whole part: rounded towards zero", "trunc([1.7, -1.7])", other_names=("fix",)),
    elementwise("frac", "input", "what follows the decimal point, with its sign", "frac([1.75, -1.75])"),
    elementwise(
        "heaviside",
        "input, values",
        "0 below zero, 1 above, values at zero",
        "heaviside([-1, 0, 1], 0.5)",
        gradient=UNDERIVED,
    ),
)
