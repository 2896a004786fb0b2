"""Exponentials and logarithms."""

from __future__ import annotations

from gdcli.lang.functions.rows import elementwise, special

CATEGORY = "exponentials and logarithms"

FUNCTIONS = (
    elementwise("exp", "input", "e to the power of input", "exp([0, 1])"),
    elementwise("exp2", "input", "2 to the power of input", "exp2([0, 3])", also=("torch.special.exp2",)),
    elementwise("expm1", "input", "exp(input) - 1, accurate near zero", "expm1(1e-6)", also=("torch.special.expm1",)),
    elementwise("log", "input", "natural logarithm", "log([1, e])"),
    elementwise("log2", "input", "logarithm to base 2", "log2([1, 8])"),
    elementwise("log10", "input", "logarithm to base 10", "log10([1, 1000])"),
    elementwise("log1p", "input", "log(1 + input), accurate near zero", "log1p(1e-6)", also=("torch.special.log1p",)),
    elementwise("logaddexp", "input, other", "log(exp(input) + exp(other)), without overflow", "logaddexp(1000, 1000)"),
    elementwise("logaddexp2", "input, other", "log2(2**input + 2**other), without overflow", "logaddexp2(3, 3)"),
    elementwise(
        "xlogy",
        "input, other: either",
        "input * log(other), or 0 where input is 0",
        "xlogy([0, 2], [0, 3])",
        also=("torch.special.xlogy",),
    ),
    special(
        "xlog1py", "input, other: either", "input * log(1 + other), or 0 where input is 0", "xlog1py([0, 2], [-1, 3])"
    ),
    elementwise(
        "logit",
        "input, eps: number = None",
        "log(p / (1 - p)) for a probability p",
        "logit([0.25, 0.5])",
        also=("torch.special.logit",),
    ),
    special("entr", "input", "-input * log(input): one term of an entropy", "entr([0, 0.5, 1])"),
)
