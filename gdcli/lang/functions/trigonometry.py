"""Trigonometric and hyperbolic functions, and their inverses."""

from __future__ import annotations

from gdcli.lang.functions.rows import elementwise

CATEGORY = "trigonometry"

FUNCTIONS = (
    elementwise("sin", "input", "sine of an angle in radians", "sin(pi / 6)"),
    elementwise("cos", "input", "cosine of an angle in radians", "cos(pi / 3)"),
    elementwise("tan", "input", "tangent of an angle in radians", "tan(pi / 4)"),
    elementwise(
        "asin", "input", "the angle in [-pi/2, pi/2] with this sine", "asin([-1, 0.5])", other_names=("arcsin",)
    ),
    elementwise("acos", "input", "the angle in [0, pi] with this cosine", "acos([-1, 0.5])", other_names=("arccos",)),
    elementwise(
        "atan", "input", "the angle in (-pi/2, pi/2) with this tangent", "atan([0, 1])", other_names=("arctan",)
    ),
    elementwise(
        "atan2",
        "input, other",
        "the angle of the point (other, input) in the plane",
        "atan2(1, -1)",
        other_names=("arctan2",),
    ),
    elementwise(
        "sinc", "input", "sin(pi x) / (pi x), and 1 at zero", "sinc([0, 0.5, 1])", also=("torch.special.sinc",)
    ),
    elementwise("deg2rad", "input", "degrees to radians", "deg2rad([90, 180])"),
    elementwise("rad2deg", "input", "radians to degrees", "rad2deg(pi / 4)"),
    elementwise("sinh", "input", "hyperbolic sine", "sinh([0, 1])"),
    elementwise("cosh", "input", "hyperbolic cosine", "cosh([0, 1])"),
    elementwise(
        "tanh", "input", "hyperbolic tangent, from -1 to 1", "tanh([-1, 0, 1])", also=("torch.nn.functional.tanh",)
    ),
    elementwise("asinh", "input", "inverse hyperbolic sine", "asinh([0, 1])", other_names=("arcsinh",)),
    elementwise(
        "acosh", "input", "inverse hyperbolic cosine, for input >= 1", "acosh([1, 2])", other_names=("arccosh",)
    ),
    elementwise(
        "atanh",
        "input",
        "inverse hyperbolic tangent, for input in (-1, 1)",
        "atanh([0, 0.5])",
        other_names=("arctanh",),
    ),
)
