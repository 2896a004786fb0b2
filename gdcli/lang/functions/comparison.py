"""Comparisons and logic: functions with boolean results."""

from __future__ import annotations

from gdcli.lang.functions.rows import BOOL, free, truth

CATEGORY = "comparison and logic"

FUNCTIONS = (
    truth("eq", "input, other: either", "input == other", "eq([1, 2], 2)"),
    truth("ne", "input, other: either", "input != other", "ne([1, 2], 2)", other_names=("not_equal",)),
    truth("lt", "input, other: either", "input < other", "lt([1, 2], 2)", other_names=("less",)),
    truth("le", "input, other: either", "input <= other", "le([1, 3], 2)", other_names=("less_equal",)),
    truth("gt", "input, other: either", "input > other", "gt([1, 3], 2)", other_names=("greater",)),
    truth("ge", "input, other: either", "input >= other", "ge([1, 2], 2)", other_names=("greater_equal",)),
    truth(
        "isclose",
        "input, other, rtol: number = 1e-05, atol: number = 1e-08, equal_nan: bool = False",
        "whether the two are equal within a tolerance",
        "isclose([1, 2], [1.000001, 2.1])",
    ),
    free(
        "isin",
        "elements, test_elements",
        "whether each element is one of test_elements",
        "isin([1, 2, 3], [2, 3])",
        gradient=BOOL,
    ),
    truth("isnan", "input", "whether it is nan", "isnan([nan, inf, 1])"),
    truth("isinf", "input", "whether it is inf or -inf", "isinf([nan, -inf, 1])"),
    truth("isposinf", "input", "whether it is inf", "isposinf([inf, -inf])"),
    truth("isneginf", "input", "whether it is -inf", "isneginf([inf, -inf])"),
    truth("isfinite", "input", "whether it is neither nan nor infinite", "isfinite([nan, inf, 1])"),
    truth("logical_and", "input, other", "whether both are true (not 0)", "logical_and([0, 1], [1, 1])"),
    truth("logical_or", "input, other", "whether at least one is true (not 0)", "logical_or([0, 1], [0, 0])"),
    truth("logical_xor", "input, other", "whether exactly one is true (not 0)", "logical_xor([0, 1], [1, 1])"),
    truth("logical_not", "input", "whether it is false (0)", "logical_not([0, 1])"),
)
