"""Arithmetic, element by element."""

from __future__ import annotations

from gdcli.lang.functions.rows import UNDERIVED, elementwise, step, truth

CATEGORY = "arithmetic"

FUNCTIONS = (
    elementwise("add", "input, other: either, *, alpha: number = 1", "input + alpha * other", "add([1, 2], 3)"),
    elementwise(
        "sub",
        "input, other: either, *, alpha: number = 1",
        "input - alpha * other",
        "sub([1, 2], 3)",
        other_names=("subtract",),
    ),
    elementwise("mul", "input, other: either", "input * other", "mul([1, 2], 3)", other_names=("multiply",)),
    elementwise(
        "div",
        "input, other: either, *, rounding_mode: 'trunc'|'floor' = None",
        "input / other, rounded by rounding_mode if given",
        "div([7, -7], 2, rounding_mode='floor')",
        other_names=("divide",),
    ),
    elementwise("true_divide", "input, other: either", "input / other, never rounded", "true_divide([7, -7], 2)"),
    elementwise(
        "floor_divide",
        "input, other: either",
        "input / other, rounded down",
        "floor_divide([7, -7], 2)",
        gradient=UNDERIVED,
    ),
    elementwise(
        "remainder",
        "input, other: either",
        "remainder of input / other, with the sign of other",
        "remainder([7, -7], 3)",
    ),
    elementwise(
        "fmod", "input, other: either", "remainder of input / other, with the sign of input", "fmod([7, -7], 3)"
    ),
    elementwise("pow", "input, exponent: either", "input to the power of exponent", "pow([1, 2, 3], 2)"),
    elementwise(
        "float_power",
        "input, exponent: either",
        "input to the power of exponent, in float64",
        "float_power([1, 2, 3], 0.5)",
    ),
    elementwise("neg", "input", "-input", "neg([1, -2])", other_names=("negative",)),
    elementwise("positive", "input", "input, unchanged", "positive([1, -2])", facts=("elementwise", "input itself")),
    elementwise("abs", "input", "absolute value", "abs([-1, 2])", other_names=("absolute",)),
    step("sign", "input", "-1, 0 or 1: the sign", "sign([-3, 0, 3])", other_names=("sgn",)),
    truth("signbit", "input", "whether the sign bit is set (also for -0.0)", "signbit([-3, 0, 3])"),
    elementwise("square", "input", "input ** 2", "square([1, -2])"),
    elementwise("sqrt", "input", "square root", "sqrt([1, 4, 9])"),
    elementwise("rsqrt", "input", "1 / sqrt(input)", "rsqrt([1, 4, 16])"),
    elementwise("reciprocal", "input", "1 / input", "reciprocal([1, 2, 4])"),
    elementwise("hypot", "input, other", "sqrt(input**2 + other**2)", "hypot(3, 4)"),
    elementwise(
        "copysign", "input, other: either", "magnitude of input with the sign of other", "copysign([1, 2], -1)"
    ),
    elementwise(
        "lerp", "input, end, weight: either", "linear interpolation from input to end by weight", "lerp(0, 10, 0.25)"
    ),
    elementwise(
        "addcmul",
        "input, tensor1, tensor2, *, value: number = 1",
        "input + value * tensor1 * tensor2",
        "addcmul([1, 2], [3, 4], [5, 6])",
    ),
    elementwise(
        "addcdiv",
        "input, tensor1, tensor2, *, value: number = 1",
        "input + value * tensor1 / tensor2",
        "addcdiv([1, 2], [3, 4], [5, 8])",
    ),
    elementwise("ldexp", "input, other", "input * 2**other", "ldexp([1, 3], 4)"),
)
