"""Reductions: sums, means, norms, extremes and cumulative sums, over all elements or along a dimension."""

from __future__ import annotations

from gdcli.lang.functions.rows import ALONG, ALONG_ONE, DTYPE, WHOLE, free, truth
from gdcli.lang.signature import function

CATEGORY = "reductions"
_INTERPOLATION = "interpolation: 'linear'|'lower'|'higher'|'midpoint'|'nearest' = 'linear'"

FUNCTIONS = (
    function(
        "sum", f"input, {ALONG}, {DTYPE}", "sum of all elements, or along dim", "sum([1, 2, 3])", facts=("reduction",)
    ),
    function("nansum", f"input, {ALONG}, {DTYPE}", "sum that ignores nan", "nansum([1, nan, 3])", facts=("reduction",)),
    function(
        "mean",
        f"input, {ALONG}, {DTYPE}",
        "mean of all elements, or along dim",
        "mean([[1, 2], [3, 4]], dim=0)",
        facts=("reduction",),
    ),
    function(
        "nanmean", f"input, {ALONG}, {DTYPE}", "mean that ignores nan", "nanmean([1, nan, 3])", facts=("reduction",)
    ),
    function(
        "prod",
        f"input, {ALONG_ONE}, {DTYPE}",
        "product of all elements, or along dim",
        "prod([2, 3, 4])",
        facts=("reduction",),
    ),
    function(
        "var",
        "input, dim: ints = None, unbiased: bool = True, keepdim: bool = False, *, correction: number = 1",
        "variance with divisor n - 1",
        "var([1, 2, 3, 4])",
        facts=("reduction",),
    ),
    function(
        "std",
        "input, dim: ints = None, unbiased: bool = True, keepdim: bool = False, *, correction: number = 1",
        "standard deviation with divisor n - 1",
        "std([1, 2, 3, 4])",
        facts=("reduction",),
    ),
    function(
        "norm",
        f"input, p: number|'fro'|'nuc' = 2, {ALONG}",
        "the p-norm of all elements, or along dim",
        "norm([3, 4])",
        facts=("reduction",),
    ),
    function("dist", "input, other, p: number = 2", "the p-norm of input - other", "dist([1, 2], [4, 6])"),
    function(
        "logsumexp",
        "input, dim: ints, keepdim: bool = False",
        "log(sum(exp(input))) along dim, without overflow",
        "logsumexp([1000, 1000], 0)",
        also=("torch.special.logsumexp",),
    ),
    function(
        "max",
        "input, dim: any = None, keepdim: bool = False",
        "the largest; with dim, values and indices",
        "max([1, 3, 2])",
        facts=("reduction", "choice", "values and indices"),
    ),
    function(
        "min",
        "input, dim: any = None, keepdim: bool = False",
        "the smallest; with dim, values and indices",
        "min([1, 3, 2])",
        facts=("reduction", "choice", "values and indices"),
    ),
    function(
        "amax",
        "input, dim: ints = (), keepdim: bool = False",
        "the largest; ties share the gradient",
        "amax([[1, 5], [4, 2]], dim=1)",
        facts=("reduction", "choice"),
    ),
    function(
        "amin",
        "input, dim: ints = (), keepdim: bool = False",
        "the smallest; ties share the gradient",
        "amin([[1, 5], [4, 2]], dim=1)",
        facts=("reduction", "choice"),
    ),
    function(
        "argmax",
        f"input, {ALONG_ONE}",
        "the index of the largest",
        "argmax([1, 3, 2])",
        gradient=WHOLE,
        facts=("reduction",),
    ),
    function(
        "argmin",
        f"input, {ALONG_ONE}",
        "the index of the smallest",
        "argmin([2, 1, 3])",
        gradient=WHOLE,
        facts=("reduction",),
    ),
    function(
        "median",
        f"input, {ALONG_ONE}",
        "the median (the lower of two middle values)",
        "median([5, 1, 3])",
        facts=("reduction", "values and indices"),
    ),
    function(
        "nanmedian",
        f"input, {ALONG_ONE}",
        "the median, ignoring nan",
        "nanmedian([5, nan, 3])",
        facts=("reduction", "values and indices"),
    ),
    function(
        "quantile",
        f"input, q: either, {ALONG_ONE}, *, {_INTERPOLATION}",
        "the value below which a fraction q lies",
        "quantile([1, 2, 3, 4], 0.25)",
    ),
    function(
        "nanquantile",
        f"input, q: either, {ALONG_ONE}, *, {_INTERPOLATION}",
        "quantile that ignores nan",
        "nanquantile([1, nan, 3], 0.5)",
    ),
    function(
        "mode",
        "input, dim: int = -1, keepdim: bool = False",
        "the most frequent value along dim, and its index",
        "mode([1, 2, 2])[0]",
        facts=("values and indices",),
    ),
    truth("all", f"input, {ALONG}", "whether every element is true (not 0)", "all([1, 2] > 0)", facts=("reduction",)),
    truth("any", f"input, {ALONG}", "whether any element is true (not 0)", "any([1, 2] > 1)", facts=("reduction",)),
    function(
        "count_nonzero",
        "input, dim: ints = None",
        "the number of nonzero elements",
        "count_nonzero([0, 1, 2])",
        gradient=WHOLE,
        facts=("reduction",),
    ),
    function("cumsum", f"input, dim: int, {DTYPE}", "cumulative sum along dim", "cumsum([1, 2, 3], 0)"),
    function("cumprod", f"input, dim: int, {DTYPE}", "cumulative product along dim", "cumprod([1, 2, 3], 0)"),
    function(
        "cummax",
        "input, dim: int",
        "cumulative maximum along dim, and indices",
        "cummax([1, 3, 2], 0)[0]",
        facts=("values and indices",),
    ),
    function(
        "cummin",
        "input, dim: int",
        "cumulative minimum along dim, and indices",
        "cummin([3, 1, 2], 0)[0]",
        facts=("values and indices",),
    ),
    function("logcumsumexp", "input, dim: int", "cumulative logsumexp along dim", "logcumsumexp([0, 0, 0], 0)"),
    function(
        "diff", "input, n: int = 1, dim: int = -1", "differences of adjacent elements, n times", "diff([1, 4, 9])"
    ),
    free(
        "trapezoid",
        "y, x = None, *, dx: number = 1, dim: int = -1",
        "integral by the trapezoidal rule",
        "trapezoid([0, 1, 4], [0, 1, 2])",
        other_names=("trapz",),
    ),
    function(
        "cov",
        "input, *, correction: int = 1",
        "covariance matrix of the rows",
        "cov([[1, 2, 3], [3, 1, 2]])",
        facts=("square",),
    ),
    function(
        "corrcoef", "input", "correlation matrix of the rows", "corrcoef([[1, 2, 3], [3, 1, 2]])", facts=("square",)
    ),
)
