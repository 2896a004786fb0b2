"""The error, gamma and Bessel functions."""

from __future__ import annotations

from gdcli.lang.functions.rows import elementwise, special

CATEGORY = "error and gamma functions"

FUNCTIONS = (
    elementwise("erf", "input", "error function", "erf([0, 1])", also=("torch.special.erf",)),
    elementwise(
        "erfc", "input", "1 - erf(input), accurate for large input", "erfc([0, 5])", also=("torch.special.erfc",)
    ),
    special("erfcx", "input", "exp(input**2) * erfc(input)", "erfcx([0, 30])"),
    elementwise(
        "erfinv",
        "input",
        "inverse of the error function, for input in (-1, 1)",
        "erfinv([0, 0.5])",
        also=("torch.special.erfinv",),
    ),
    special("ndtr", "input", "cumulative distribution function of the standard normal", "ndtr([-1.96, 0, 1.96])"),
    special("ndtri", "input", "inverse of ndtr: quantiles of the standard normal", "ndtri([0.5, 0.975])"),
    special("log_ndtr", "input", "log(ndtr(input)), accurate for very negative input", "log_ndtr([-20, 0])"),
    elementwise(
        "lgamma",
        "input",
        "log of the absolute value of the gamma function",
        "exp(lgamma(5))",
        also=("torch.special.gammaln",),
    ),
    elementwise(
        "digamma",
        "input",
        "derivative of lgamma",
        "digamma([1, 2])",
        also=("torch.special.digamma", "torch.special.psi"),
    ),
    elementwise(
        "polygamma",
        "n: int, input",
        "n-th derivative of digamma",
        "polygamma(1, 2)",
        also=("torch.special.polygamma",),
    ),
    elementwise(
        "mvlgamma",
        "input, p: int",
        "log of the multivariate gamma function of dimension p",
        "mvlgamma(3, 2)",
        facts=("elementwise", "wide"),
        also=("torch.special.multigammaln",),
    ),
    special(
        "gammainc",
        "input, other",
        "regularized lower incomplete gamma function",
        "gammainc(2, [1, 3])",
        other_names=("igamma",),
        methods=("igamma",),
    ),
    special(
        "gammaincc",
        "input, other",
        "regularized upper incomplete gamma function",
        "gammaincc(2, [1, 3])",
        other_names=("igammac",),
        methods=("igammac",),
    ),
    elementwise("i0", "input", "modified Bessel function of order 0", "i0([0, 1])", also=("torch.special.i0",)),
    special("i0e", "input", "exp(-abs(input)) * i0(input)", "i0e([0, 1])"),
    special("i1", "input", "modified Bessel function of order 1", "i1([0, 1])"),
    special("i1e", "input", "exp(-abs(input)) * i1(input)", "i1e([0, 1])"),
)
