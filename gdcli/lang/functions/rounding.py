"""Rounding and step functions."""

from __future__ import annotations

from gdcli.lang.functions.rows import UNDERIVED, elementwise, step

CATEGORY = "rounding"

FUNCTIONS = (
    step("floor", "input", "rounded down to an integer", "floor([1.7, -1.7])"),
    step("ceil", "input", "rounded up to an integer", "ceil([1.2, -1.2])"),
    step(
        "round",
        "input, *, decimals: int = 0",
        "nearest integer, ties to even",
        "round([0.5, 1.5])",
        also=("torch.special.round",),
    ),
    step("trunc", "input", "integer part: rounded towards zero", "trunc([1.7, -1.7])", other_names=("fix",)),
    elementwise("frac", "input", "fractional part, with the sign of input", "frac([1.75, -1.75])"),
    elementwise(
        "heaviside",
        "input, values",
        "0 below zero, 1 above, values at zero",
        "heaviside([-1, 0, 1], 0.5)",
        gradient=UNDERIVED,
    ),
)
