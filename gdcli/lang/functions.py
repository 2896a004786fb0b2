"""The one table of functions: name, signature, help line, example, and where PyTorch keeps it. No torch here.

What the columns mean, and the kinds of parameters, stands in signature.py. The names are those of
``from torch import *``; the functions of torch.special, torch.linalg and torch.nn.functional stand under their bare
names too, unless torch has another function of that name (``linalg.norm`` beside ``norm``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gdcli.lang.signature import Function, function

# Why there is no gradient, or a zero one.
_STEP = "piecewise constant: the gradient is zero"
_UNDERIVED = "piecewise constant: PyTorch has no derivative for it"
_BOOL = "the result is true or false"
_WHOLE = "the result is whole numbers"
_RANDOM = "random numbers have no gradient"
_NUMBERS = "it is made of plain numbers"
_SHAPE_ONLY = "only the shape of the input counts"
_CUT = "it cuts the gradient off, on purpose"

# Parts that many signatures share.
_ALONG = "dim: ints = None, keepdim: bool = False"
_ALONG_ONE = "dim: int = None, keepdim: bool = False"
_DTYPE = "*, dtype: dtype = None"
_INTERPOLATION = "interpolation: 'linear'|'lower'|'higher'|'midpoint'|'nearest' = 'linear'"
_REDUCTION = "reduction: 'none'|'mean'|'sum' = 'mean'"
_WINDOW = "kernel_size: ints, stride: ints = None, padding: ints = 0"
_FILTER = "weight, bias = None, stride: ints = 1, padding: ints = 0, dilation: ints = 1, groups: int = 1"


def _step(name: str, signature: str, help: str, example: str) -> Function:
    return function(name, signature, help, example, gradient=_STEP)


def _truth(name: str, signature: str, help: str, example: str) -> Function:
    return function(name, signature, help, example, gradient=_BOOL)


def _draw(name: str, signature: str, help: str, example: str, *, method: bool = False) -> Function:
    return function(name, signature, help, example, method=method, gradient=_RANDOM, form="random")


def _free(name: str, signature: str, help: str, example: str, *, gradient: str = "") -> Function:
    return function(name, signature, help, example, method=False, gradient=gradient)


def _nn(name: str, signature: str, help: str, example: str, *, gradient: str = "") -> Function:
    path = f"torch.nn.functional.{name}"
    return function(name, signature, help, example, path=path, method=False, gradient=gradient)


def _linalg(name: str, signature: str, help: str, example: str, *, gradient: str = "") -> Function:
    path = f"torch.linalg.{name.removeprefix('linalg.')}"
    return function(name, signature, help, example, path=path, method=False, gradient=gradient)


def _special(name: str, signature: str, help: str, example: str) -> Function:
    return function(name, signature, help, example, path=f"torch.special.{name}", method=False)


def _tensor(name: str, signature: str, help: str, example: str, *, gradient: str = "") -> Function:
    return function(name, signature, help, example, path=f"torch.Tensor.{name}", gradient=gradient)


def _make(name: str, signature: str, help: str, example: str) -> Function:
    return function(name, signature, help, example, method=False, gradient=_NUMBERS, form="constructor")


_ARITHMETIC = (
    function("add", "input, other: either, *, alpha: number = 1", "input + alpha * other", "add([1, 2], 3)"),
    function("sub", "input, other: either, *, alpha: number = 1", "input - alpha * other", "sub([1, 2], 3)"),
    function("mul", "input, other: either", "input * other", "mul([1, 2], 3)"),
    function(
        "div",
        "input, other: either, *, rounding_mode: 'trunc'|'floor' = None",
        "input / other, rounded when asked to",
        "div([7, -7], 2, rounding_mode='floor')",
    ),
    function("true_divide", "input, other: either", "input / other, never rounded", "true_divide([7, -7], 2)"),
    function(
        "floor_divide",
        "input, other: either",
        "input / other, rounded down",
        "floor_divide([7, -7], 2)",
        gradient=_UNDERIVED,
    ),
    function(
        "remainder",
        "input, other: either",
        "what is left of a division, with the sign of other",
        "remainder([7, -7], 3)",
    ),
    function("fmod", "input, other: either", "what is left of a division, with the sign of input", "fmod([7, -7], 3)"),
    function("pow", "input, exponent: either", "input to the power of exponent", "pow([1, 2, 3], 2)"),
    function(
        "float_power",
        "input, exponent: either",
        "a power computed in float64, whatever the dtype",
        "float_power([1, 2, 3], 0.5)",
    ),
    function("neg", "input", "-input", "neg([1, -2])"),
    function("positive", "input", "input as it is", "positive([1, -2])"),
    function("abs", "input", "absolute value", "abs([-1, 2])"),
    _step("sign", "input", "-1, 0 or 1: the sign", "sign([-3, 0, 3])"),
    _truth("signbit", "input", "whether the sign is minus (also of -0.0)", "signbit([-3, 0, 3])"),
    function("square", "input", "input ** 2", "square([1, -2])"),
    function("sqrt", "input", "square root", "sqrt([1, 4, 9])"),
    function("rsqrt", "input", "1 / sqrt(input)", "rsqrt([1, 4, 16])"),
    function("reciprocal", "input", "1 / input", "reciprocal([1, 2, 4])"),
    function("hypot", "input, other", "sqrt(input**2 + other**2)", "hypot(3, 4)"),
    function("copysign", "input, other: either", "the size of input with the sign of other", "copysign([1, 2], -1)"),
    function(
        "lerp", "input, end, weight: either", "the point a part of the way from input to end", "lerp(0, 10, 0.25)"
    ),
    function(
        "addcmul",
        "input, tensor1, tensor2, *, value: number = 1",
        "input + value * tensor1 * tensor2",
        "addcmul([1, 2], [3, 4], [5, 6])",
    ),
    function(
        "addcdiv",
        "input, tensor1, tensor2, *, value: number = 1",
        "input + value * tensor1 / tensor2",
        "addcdiv([1, 2], [3, 4], [5, 8])",
    ),
    function("ldexp", "input, other", "input * 2**other", "ldexp([1, 3], 4)"),
)

_TRIGONOMETRY = (
    function("sin", "input", "sine of an angle in radians", "sin(pi / 6)"),
    function("cos", "input", "cosine of an angle in radians", "cos(pi / 3)"),
    function("tan", "input", "tangent of an angle in radians", "tan(pi / 4)"),
    function("asin", "input", "the angle in [-pi/2, pi/2] with this sine", "asin([-1, 0.5])"),
    function("acos", "input", "the angle in [0, pi] with this cosine", "acos([-1, 0.5])"),
    function("atan", "input", "the angle in (-pi/2, pi/2) with this tangent", "atan([0, 1])"),
    function("atan2", "input, other", "the angle of the point (other, input) in the plane", "atan2(1, -1)"),
    function("sinc", "input", "sin(pi x) / (pi x), and 1 at zero", "sinc([0, 0.5, 1])"),
    function("deg2rad", "input", "degrees to radians", "deg2rad([90, 180])"),
    function("rad2deg", "input", "radians to degrees", "rad2deg(pi / 4)"),
    function("sinh", "input", "hyperbolic sine", "sinh([0, 1])"),
    function("cosh", "input", "hyperbolic cosine", "cosh([0, 1])"),
    function("tanh", "input", "hyperbolic tangent, from -1 to 1", "tanh([-1, 0, 1])"),
    function("asinh", "input", "inverse hyperbolic sine", "asinh([0, 1])"),
    function("acosh", "input", "inverse hyperbolic cosine, for input >= 1", "acosh([1, 2])"),
    function("atanh", "input", "inverse hyperbolic tangent, between -1 and 1", "atanh([0, 0.5])"),
)

_EXPONENTIALS_AND_LOGARITHMS = (
    function("exp", "input", "e to the power of input", "exp([0, 1])"),
    function("exp2", "input", "2 to the power of input", "exp2([0, 3])"),
    function("expm1", "input", "exp(input) - 1, exact near zero", "expm1(1e-6)"),
    function("log", "input", "natural logarithm", "log([1, e])"),
    function("log2", "input", "logarithm to base 2", "log2([1, 8])"),
    function("log10", "input", "logarithm to base 10", "log10([1, 1000])"),
    function("log1p", "input", "log(1 + input), exact near zero", "log1p(1e-6)"),
    function("logaddexp", "input, other", "log(exp(input) + exp(other)), without overflow", "logaddexp(1000, 1000)"),
    function("logaddexp2", "input, other", "log2(2**input + 2**other), without overflow", "logaddexp2(3, 3)"),
    function("xlogy", "input, other: either", "input * log(other), and 0 where input is 0", "xlogy([0, 2], [0, 3])"),
    _special(
        "xlog1py", "input, other: either", "input * log(1 + other), and 0 where input is 0", "xlog1py([0, 2], [-1, 3])"
    ),
    function("logit", "input, eps: number = None", "log(p / (1 - p)) of a probability", "logit([0.25, 0.5])"),
    _special("entr", "input", "-input * log(input): one term of an entropy", "entr([0, 0.5, 1])"),
)

_ERROR_AND_GAMMA_FUNCTIONS = (
    function("erf", "input", "error function", "erf([0, 1])"),
    function("erfc", "input", "1 - erf(input), exact for large input", "erfc([0, 5])"),
    _special("erfcx", "input", "exp(input**2) * erfc(input)", "erfcx([0, 30])"),
    function("erfinv", "input", "inverse of the error function, between -1 and 1", "erfinv([0, 0.5])"),
    _special("ndtr", "input", "area under the standard normal curve left of input", "ndtr([-1.96, 0, 1.96])"),
    _special("ndtri", "input", "inverse of ndtr: a quantile of the normal curve", "ndtri([0.5, 0.975])"),
    _special("log_ndtr", "input", "log(ndtr(input)), exact far on the left", "log_ndtr([-20, 0])"),
    function("lgamma", "input", "log of the absolute value of the gamma function", "exp(lgamma(5))"),
    function("digamma", "input", "derivative of lgamma", "digamma([1, 2])"),
    _free("polygamma", "n: int, input", "n-th derivative of digamma", "polygamma(1, 2)"),
    function("mvlgamma", "input, p: int", "log of the gamma function of p dimensions", "mvlgamma(3, 2)"),
    _special("gammainc", "input, other", "lower incomplete gamma function, regularised", "gammainc(2, [1, 3])"),
    _special("gammaincc", "input, other", "upper incomplete gamma function, regularised", "gammaincc(2, [1, 3])"),
    function("i0", "input", "modified Bessel function of order 0", "i0([0, 1])"),
    _special("i0e", "input", "exp(-abs(input)) * i0(input)", "i0e([0, 1])"),
    _special("i1", "input", "modified Bessel function of order 1", "i1([0, 1])"),
    _special("i1e", "input", "exp(-abs(input)) * i1(input)", "i1e([0, 1])"),
)

_ROUNDING = (
    _step("floor", "input", "nearest whole number below", "floor([1.7, -1.7])"),
    _step("ceil", "input", "nearest whole number above", "ceil([1.2, -1.2])"),
    _step("round", "input, *, decimals: int = 0", "nearest whole number, halves to even", "round([0.5, 1.5])"),
    _step("trunc", "input", "the whole part: rounded towards zero", "trunc([1.7, -1.7])"),
    function("frac", "input", "what follows the decimal point, with its sign", "frac([1.75, -1.75])"),
    function(
        "heaviside",
        "input, values",
        "0 below zero, 1 above, values at zero",
        "heaviside([-1, 0, 1], 0.5)",
        gradient=_UNDERIVED,
    ),
)

_LIMITS_AND_CHOICE = (
    function("minimum", "input, other", "the smaller of the two; nan if one is nan", "minimum([1, 5], [3, 2])"),
    function("maximum", "input, other", "the larger of the two; nan if one is nan", "maximum([1, 5], [3, 2])"),
    function("fmin", "input, other", "the smaller of the two; nan only if both are", "fmin([1, nan], [3, 2])"),
    function("fmax", "input, other", "the larger of the two; nan only if both are", "fmax([1, nan], [3, 2])"),
    function(
        "clamp",
        "input, min: either = None, max: either = None",
        "kept between min and max",
        "clamp([-2, 0.5, 2], -1, 1)",
    ),
    function("clamp_min", "input, min: either", "not below min", "clamp_min([-2, 2], 0)"),
    function("clamp_max", "input, max: either", "not above max", "clamp_max([-2, 2], 0)"),
    function(
        "nan_to_num",
        "input, nan: number = 0, posinf: number = None, neginf: number = None",
        "nan and infinities become numbers",
        "nan_to_num([nan, inf, 1])",
    ),
    _free(
        "where",
        "condition, input, other",
        "input where the condition holds, else other",
        "where([1, 2] > 1.5, 10, 20)",
    ),
)

_COMPARISON_AND_LOGIC = (
    _truth("eq", "input, other: either", "input == other", "eq([1, 2], 2)"),
    _truth("ne", "input, other: either", "input != other", "ne([1, 2], 2)"),
    _truth("lt", "input, other: either", "input < other", "lt([1, 2], 2)"),
    _truth("le", "input, other: either", "input <= other", "le([1, 3], 2)"),
    _truth("gt", "input, other: either", "input > other", "gt([1, 3], 2)"),
    _truth("ge", "input, other: either", "input >= other", "ge([1, 2], 2)"),
    _truth(
        "isclose",
        "input, other, rtol: number = 1e-05, atol: number = 1e-08, equal_nan: bool = False",
        "whether the two are almost equal",
        "isclose([1, 2], [1.000001, 2.1])",
    ),
    _free(
        "isin",
        "elements, test_elements",
        "whether each element is one of test_elements",
        "isin([1, 2, 3], [2, 3])",
        gradient=_BOOL,
    ),
    _truth("isnan", "input", "whether it is nan", "isnan([nan, inf, 1])"),
    _truth("isinf", "input", "whether it is inf or -inf", "isinf([nan, -inf, 1])"),
    _truth("isposinf", "input", "whether it is inf", "isposinf([inf, -inf])"),
    _truth("isneginf", "input", "whether it is -inf", "isneginf([inf, -inf])"),
    _truth("isfinite", "input", "whether it is neither nan nor infinite", "isfinite([nan, inf, 1])"),
    _truth("logical_and", "input, other", "both hold (are not 0)", "logical_and([0, 1], [1, 1])"),
    _truth("logical_or", "input, other", "at least one holds (is not 0)", "logical_or([0, 1], [0, 0])"),
    _truth("logical_xor", "input, other", "exactly one holds (is not 0)", "logical_xor([0, 1], [1, 1])"),
    _truth("logical_not", "input", "it does not hold (is 0)", "logical_not([0, 1])"),
)

_REDUCTIONS = (
    function("sum", f"input, {_ALONG}, {_DTYPE}", "sum of all elements, or along dim", "sum([1, 2, 3])"),
    function("nansum", f"input, {_ALONG}, {_DTYPE}", "sum that leaves nan out", "nansum([1, nan, 3])"),
    function(
        "mean", f"input, {_ALONG}, {_DTYPE}", "mean of all elements, or along dim", "mean([[1, 2], [3, 4]], dim=0)"
    ),
    function("nanmean", f"input, {_ALONG}, {_DTYPE}", "mean that leaves nan out", "nanmean([1, nan, 3])"),
    function("prod", f"input, {_ALONG_ONE}, {_DTYPE}", "product of all elements, or along dim", "prod([2, 3, 4])"),
    function(
        "var",
        "input, dim: ints = None, unbiased: bool = True, keepdim: bool = False, *, correction: number = 1",
        "variance, over n - 1",
        "var([1, 2, 3, 4])",
    ),
    function(
        "std",
        "input, dim: ints = None, unbiased: bool = True, keepdim: bool = False, *, correction: number = 1",
        "standard deviation, over n - 1",
        "std([1, 2, 3, 4])",
    ),
    function("norm", f"input, p: number = 2, {_ALONG}", "the p-norm of all elements, or along dim", "norm([3, 4])"),
    function("dist", "input, other, p: number = 2", "the p-norm of input - other", "dist([1, 2], [4, 6])"),
    function(
        "logsumexp",
        "input, dim: ints, keepdim: bool = False",
        "log(sum(exp(input))) along dim, without overflow",
        "logsumexp([1000, 1000], 0)",
    ),
    function(
        "max",
        "input, dim: any = None, keepdim: bool = False",
        "the largest; with dim, values and indices",
        "max([1, 3, 2])",
    ),
    function(
        "min",
        "input, dim: any = None, keepdim: bool = False",
        "the smallest; with dim, values and indices",
        "min([1, 3, 2])",
    ),
    function(
        "amax",
        "input, dim: ints = (), keepdim: bool = False",
        "the largest, equal ones share the gradient",
        "amax([[1, 5], [4, 2]], dim=1)",
    ),
    function(
        "amin",
        "input, dim: ints = (), keepdim: bool = False",
        "the smallest, equal ones share the gradient",
        "amin([[1, 5], [4, 2]], dim=1)",
    ),
    function("argmax", f"input, {_ALONG_ONE}", "the position of the largest", "argmax([1, 3, 2])", gradient=_WHOLE),
    function("argmin", f"input, {_ALONG_ONE}", "the position of the smallest", "argmin([2, 1, 3])", gradient=_WHOLE),
    function("median", f"input, {_ALONG_ONE}", "the middle value (the lower of two)", "median([5, 1, 3])"),
    function("nanmedian", f"input, {_ALONG_ONE}", "the middle value, leaving nan out", "nanmedian([5, nan, 3])"),
    function(
        "quantile",
        f"input, q: either, {_ALONG_ONE}, *, {_INTERPOLATION}",
        "the value that the part q lies below",
        "quantile([1, 2, 3, 4], 0.25)",
    ),
    function(
        "nanquantile",
        f"input, q: either, {_ALONG_ONE}, *, {_INTERPOLATION}",
        "quantile that leaves nan out",
        "nanquantile([1, nan, 3], 0.5)",
    ),
    function(
        "mode",
        "input, dim: int = -1, keepdim: bool = False",
        "the most frequent value along dim, and an index",
        "mode([1, 2, 2])[0]",
    ),
    _truth("all", f"input, {_ALONG}", "whether every element holds (is not 0)", "all([1, 2] > 0)"),
    _truth("any", f"input, {_ALONG}", "whether an element holds (is not 0)", "any([1, 2] > 1)"),
    function(
        "count_nonzero",
        "input, dim: ints = None",
        "how many elements are not 0",
        "count_nonzero([0, 1, 2])",
        gradient=_WHOLE,
    ),
    function("cumsum", f"input, dim: int, {_DTYPE}", "running sum along dim", "cumsum([1, 2, 3], 0)"),
    function("cumprod", f"input, dim: int, {_DTYPE}", "running product along dim", "cumprod([1, 2, 3], 0)"),
    function("cummax", "input, dim: int", "running maximum along dim, and indices", "cummax([1, 3, 2], 0)[0]"),
    function("cummin", "input, dim: int", "running minimum along dim, and indices", "cummin([3, 1, 2], 0)[0]"),
    function("logcumsumexp", "input, dim: int", "running logsumexp along dim", "logcumsumexp([0, 0, 0], 0)"),
    function("diff", "input, n: int = 1, dim: int = -1", "differences of neighbours, n times over", "diff([1, 4, 9])"),
    _free(
        "trapezoid",
        "y, x = None, *, dx: number = 1, dim: int = -1",
        "integral by the trapezoid rule",
        "trapezoid([0, 1, 4], [0, 1, 2])",
    ),
    function("cov", "input, *, correction: int = 1", "covariances of the rows", "cov([[1, 2, 3], [3, 1, 2]])"),
    function("corrcoef", "input", "correlations of the rows", "corrcoef([[1, 2, 3], [3, 1, 2]])"),
)

_SORTING_AND_SELECTING = (
    function(
        "sort",
        "input, dim: int = -1, descending: bool = False",
        "sorted values along dim, and indices",
        "sort([3, 1, 2])[0]",
    ),
    function("msort", "input", "sorted along the first dimension", "msort([3, 1, 2])"),
    function(
        "argsort",
        "input, dim: int = -1, descending: bool = False",
        "the indices that sort along dim",
        "argsort([3, 1, 2])",
        gradient=_WHOLE,
    ),
    function(
        "topk",
        "input, k: int, dim: int = -1, largest: bool = True, sorted: bool = True",
        "the k largest along dim, and indices",
        "topk([3, 1, 2], 2)[0]",
    ),
    function(
        "kthvalue",
        "input, k: int, dim: int = -1, keepdim: bool = False",
        "the k-th smallest along dim, and its index",
        "kthvalue([3, 1, 2], 2)[0]",
    ),
    function("select", "input, dim: int, index: int", "one slice along dim", "select([[1, 2], [3, 4]], 0, 1)"),
    function(
        "narrow",
        "input, dim: int, start: int, length: int",
        "length elements along dim, from start",
        "narrow([1, 2, 3, 4], 0, 1, 2)",
    ),
    function(
        "index_select",
        "input, dim: int, index: index",
        "the slices at these indices along dim",
        "index_select([10, 20, 30], 0, [2, 0])",
    ),
    function(
        "gather",
        "input, dim: int, index: index",
        "the elements at these indices along dim",
        "gather([[1, 2], [3, 4]], 1, [[1], [0]])",
    ),
    function(
        "take",
        "input, index: index",
        "the elements at these places of the flattened input",
        "take([[1, 2], [3, 4]], [0, 3])",
    ),
    function(
        "take_along_dim",
        "input, indices: index, dim: int = None",
        "the elements at the indices that argsort gives",
        "take_along_dim([3, 1, 2], [1, 2, 0], 0)",
    ),
    function(
        "masked_select", "input, mask", "the elements where the mask holds", "masked_select([1, 2, 3], [1, 2, 3] > 1)"
    ),
    function(
        "masked_fill",
        "input, mask, value: either",
        "value where the mask holds",
        "masked_fill([1, 2, 3], [1, 2, 3] > 1, 0)",
    ),
    function("flip", "input, dims: sizes", "reversed along dims", "flip([1, 2, 3], 0)"),
    function("fliplr", "input", "columns reversed", "fliplr([[1, 2], [3, 4]])"),
    function("flipud", "input", "rows reversed", "flipud([[1, 2], [3, 4]])"),
    function(
        "roll", "input, shifts: ints, dims: ints = None", "shifted, the end comes in at the start", "roll([1, 2, 3], 1)"
    ),
    function("rot90", "input, k: int = 1, dims: ints = (0,1)", "turned by k right angles", "rot90([[1, 2], [3, 4]])"),
)

_SHAPE = (
    function("reshape", "input, shape: sizes", "the same elements in another shape", "reshape(arange(6), (2, 3))"),
    _tensor("view", "input, size: sizes", "the same elements in another shape, not copied", "view(arange(6), (2, 3))"),
    function(
        "flatten",
        "input, start_dim: int = 0, end_dim: int = -1",
        "dimensions merged into one",
        "flatten([[1, 2], [3, 4]])",
    ),
    function("ravel", "input", "all elements in one dimension", "ravel([[1, 2], [3, 4]])"),
    function("squeeze", "input, dim: ints = None", "without the dimensions of size 1", "squeeze([[1, 2, 3]])"),
    function("unsqueeze", "input, dim: int", "with a new dimension of size 1", "unsqueeze([1, 2, 3], 1)"),
    function(
        "transpose", "input, dim0: int, dim1: int", "two dimensions exchanged", "transpose([[1, 2], [3, 4]], 0, 1)"
    ),
    function("swapaxes", "input, axis0: int, axis1: int", "the same as transpose", "swapaxes([[1, 2], [3, 4]], 0, 1)"),
    function("permute", "input, dims: sizes", "dimensions in another order", "permute([[1, 2, 3], [4, 5, 6]], (1, 0))"),
    function(
        "movedim",
        "input, source: ints, destination: ints",
        "dimensions moved to other places",
        "movedim([[1, 2, 3], [4, 5, 6]], 0, 1)",
    ),
    _free(
        "stack",
        "tensors: tensors, dim: int = 0",
        "tensors side by side along a new dimension",
        "stack([[1, 2], [3, 4]], dim=1)",
    ),
    _free("cat", "tensors: tensors, dim: int = 0", "tensors one after another along dim", "cat([[1, 2], [3]])"),
    _free("hstack", "tensors: tensors", "tensors one after another, by columns", "hstack([[1, 2], [3]])"),
    _free("vstack", "tensors: tensors", "tensors one above another, by rows", "vstack([[1, 2], [3, 4]])"),
    _free("column_stack", "tensors: tensors", "vectors as the columns of a matrix", "column_stack([[1, 2], [3, 4]])"),
    function("unbind", "input, dim: int = 0", "the slices along dim, one by one", "unbind([[1, 2], [3, 4]])[1]"),
    function("chunk", "input, chunks: int, dim: int = 0", "cut into so many parts", "chunk([1, 2, 3, 4], 2)[1]"),
    function(
        "split",
        "tensor, split_size_or_sections: ints, dim: int = 0",
        "cut into parts of this size",
        "split([1, 2, 3, 4, 5], 2)[2]",
    ),
    function(
        "broadcast_to", "input, size: sizes", "repeated, without copying, up to a shape", "broadcast_to([1, 2], (3, 2))"
    ),
    _tensor("expand", "input, size: sizes", "repeated, without copying, up to a shape", "expand([1, 2], (3, 2))"),
    _tensor("repeat", "input, repeats: sizes", "copies of the whole, along each dimension", "repeat([1, 2], 3)"),
    function("tile", "input, dims: sizes", "copies of the whole, along the last dimensions", "tile([1, 2], (2, 2))"),
    function(
        "repeat_interleave",
        "input, repeats: int, dim: int = None",
        "copies of each element",
        "repeat_interleave([1, 2], 3)",
    ),
    function("diag", "input, diagonal: int = 0", "the diagonal of a matrix, or a matrix of a diagonal", "diag([1, 2])"),
    function(
        "diagflat", "input, offset: int = 0", "the matrix with these elements on its diagonal", "diagflat([[1, 2]])"
    ),
    function(
        "diag_embed",
        "input, offset: int = 0, dim1: int = -2, dim2: int = -1",
        "matrices with these diagonals",
        "diag_embed([[1, 2], [3, 4]])",
    ),
    function(
        "diagonal",
        "input, offset: int = 0, dim1: int = 0, dim2: int = 1",
        "the elements on a diagonal",
        "diagonal([[1, 2], [3, 4]])",
    ),
    function("tril", "input, diagonal: int = 0", "the lower triangle, zeros above", "tril([[1, 2], [3, 4]])"),
    function("triu", "input, diagonal: int = 0", "the upper triangle, zeros below", "triu([[1, 2], [3, 4]])"),
    _nn(
        "pad",
        "input, pad: ints, mode: 'constant'|'reflect'|'replicate'|'circular' = 'constant', value: number = None",
        "with more elements at the ends",
        "pad([1, 2], (1, 2))",
    ),
)

_LINEAR_ALGEBRA = (
    function("matmul", "input, other", "matrix product, input @ other", "matmul([[1, 2], [3, 4]], [1, 1])"),
    function("mm", "input, mat2", "product of two matrices", "mm([[1, 2], [3, 4]], [[1], [1]])"),
    function("mv", "input, vec", "product of a matrix and a vector", "mv([[1, 2], [3, 4]], [1, 1])"),
    function(
        "bmm", "input, mat2", "products of matrices, one pair after another", "bmm([[[1, 2], [3, 4]]], [[[1], [1]]])"
    ),
    function("dot", "input, tensor", "sum of the products of two vectors", "dot([1, 2], [3, 4])"),
    function("vdot", "input, other", "the same as dot for real vectors", "vdot([1, 2], [3, 4])"),
    function("inner", "input, other", "dot products along the last dimension", "inner([[1, 2], [3, 4]], [1, 1])"),
    function("outer", "input, vec2", "every product of two vectors' elements", "outer([1, 2], [3, 4])"),
    _linalg("vecdot", "x, y, *, dim: int = -1", "dot products along dim", "vecdot([[1, 2], [3, 4]], [1, 1])"),
    function("cross", "input, other, dim: int = None", "cross product of vectors of 3", "cross([1, 0, 0], [0, 1, 0])"),
    function("kron", "input, other", "Kronecker product", "kron([[1, 2]], [[1], [3]])"),
    _free(
        "tensordot",
        "a, b, dims: int = 2",
        "products summed over the last dims of a, first of b",
        "tensordot([[1, 2]], [[3], [4]], 1)",
    ),
    function(
        "addmm",
        "input, mat1, mat2, *, beta: number = 1, alpha: number = 1",
        "beta * input + alpha * (mat1 @ mat2)",
        "addmm(1, [[1, 2]], [[3], [4]])",
    ),
    function(
        "addmv",
        "input, mat, vec, *, beta: number = 1, alpha: number = 1",
        "beta * input + alpha * (mat @ vec)",
        "addmv(1, [[1, 2], [3, 4]], [1, 1])",
    ),
    _linalg(
        "multi_dot",
        "tensors: tensors",
        "product of several matrices, in the cheapest order",
        "multi_dot([[1, 2], [[1, 2], [3, 4]], [1, 1]])",
    ),
    function("trace", "input", "sum of the diagonal", "trace([[1, 2], [3, 4]])"),
    function("det", "input", "determinant", "det([[1, 2], [3, 4]])"),
    function("logdet", "input", "log of the determinant", "logdet([[2, 0], [0, 3]])"),
    function("slogdet", "input", "sign of the determinant, and log of its size", "slogdet([[1, 2], [3, 4]])[1]"),
    function("inverse", "input", "inverse of a matrix", "inverse([[2, 0], [0, 4]])"),
    _linalg(
        "pinv",
        "input, *, atol: number = None, rtol: number = None, hermitian: bool = False",
        "pseudo-inverse (Moore-Penrose)",
        "pinv([[1, 2], [3, 4], [5, 6]])",
    ),
    function(
        "pinverse",
        "input, rcond: number = 1e-15",
        "pseudo-inverse, in an older spelling",
        "pinverse([[1, 2], [3, 4], [5, 6]])",
    ),
    _linalg("solve", "A, B, *, left: bool = True", "the X with A @ X = B", "solve([[2, 0], [0, 4]], [1, 1])"),
    _linalg(
        "solve_triangular",
        "input, B, *, upper: bool, left: bool = True, unitriangular: bool = False",
        "the X with input @ X = B for a triangular input",
        "solve_triangular([[2, 0], [1, 4]], [[2], [5]], upper=False)",
    ),
    function(
        "cholesky",
        "input, *, upper: bool = False",
        "the triangular L with input = L @ L.T",
        "cholesky([[4, 2], [2, 3]])",
        path="torch.linalg.cholesky",
    ),
    _linalg(
        "eigvalsh", "input, UPLO: 'L'|'U' = 'L'", "eigenvalues of a symmetric matrix", "eigvalsh([[2, 1], [1, 2]])"
    ),
    _linalg(
        "eigh",
        "input, UPLO: 'L'|'U' = 'L'",
        "eigenvalues and vectors of a symmetric matrix",
        "eigh([[2, 1], [1, 2]])[0]",
    ),
    _linalg("svdvals", "A", "singular values, largest first", "svdvals([[3, 0], [0, 4]])"),
    _linalg("linalg.qr", "A", "the orthogonal Q and triangular R with A = Q @ R", "linalg.qr([[3, 1], [4, 2]])[1]"),
    _linalg(
        "vector_norm",
        f"x, ord: number = 2, {_ALONG}, {_DTYPE}",
        "norm of all elements, or along dim",
        "vector_norm([3, 4], 1)",
    ),
    _linalg(
        "matrix_norm",
        f"input, ord: number = 'fro', dim: ints = (-2,-1), keepdim: bool = False, {_DTYPE}",
        "norm of a matrix",
        "matrix_norm([[1, 2], [3, 4]], 2)",
    ),
    _linalg(
        "linalg.norm",
        f"input, ord: number = None, {_ALONG}, {_DTYPE}",
        "norm of a vector or a matrix",
        "linalg.norm([[1, 2], [3, 4]], 2)",
    ),
    _linalg("linalg.cond", "input, p: number = None", "condition number of a matrix", "linalg.cond([[1, 2], [3, 4]])"),
    _linalg(
        "matrix_rank",
        "input, *, atol: number = None, rtol: number = None, hermitian: bool = False",
        "rank of a matrix",
        "matrix_rank([[1, 2], [2, 4]])",
        gradient=_WHOLE,
    ),
    function("matrix_exp", "input", "e to the power of a matrix", "matrix_exp([[0, 1], [-1, 0]])"),
    function(
        "matrix_power", "input, n: int", "a matrix multiplied by itself n times", "matrix_power([[1, 1], [0, 1]], 5)"
    ),
    _free(
        "vander",
        "x, N: int = None, increasing: bool = False",
        "the matrix of the powers of x",
        "vander([1, 2, 3])",
        gradient="PyTorch's derivative fails: the matrix is filled in place",
    ),
    _free(
        "cdist",
        "x1, x2, p: number = 2",
        "distances of every row of x1 to every row of x2",
        "cdist([[0, 0]], [[3, 4], [1, 0]])",
    ),
)

_ACTIVATIONS = (
    function("relu", "input", "max(0, x), elementwise", "relu([-1, 2])"),
    _nn("relu6", "input", "relu that stops at 6", "relu6([-1, 2, 9])"),
    _nn(
        "leaky_relu",
        "input, negative_slope: number = 0.01",
        "x, and negative_slope * x below zero",
        "leaky_relu([-1, 2], 0.1)",
    ),
    function("prelu", "input, weight", "x, and weight * x below zero", "prelu([-1, 2], [0.25])"),
    _nn("elu", "input, alpha: number = 1", "x, and alpha * (exp(x) - 1) below zero", "elu([-1, 2])"),
    _free("selu", "input", "elu scaled to keep mean 0 and variance 1", "selu([-1, 2])"),
    _free("celu", "input, alpha: number = 1", "elu that is smooth for every alpha", "celu([-1, 2], 0.5)"),
    _nn("gelu", "input, *, approximate: 'none'|'tanh' = 'none'", "x times the normal area left of x", "gelu([-1, 2])"),
    _nn("silu", "input", "x * sigmoid(x), also called swish", "silu([-1, 2])"),
    _nn("mish", "input", "x * tanh(softplus(x))", "mish([-1, 2])"),
    function("sigmoid", "input", "1 / (1 + exp(-x)), from 0 to 1", "sigmoid([-1, 0, 1])"),
    _nn("logsigmoid", "input", "log(sigmoid(x)), without underflow", "logsigmoid([-100, 0])"),
    _nn(
        "softplus",
        "input, beta: number = 1, threshold: number = 20",
        "log(1 + exp(beta x)) / beta",
        "softplus([-1, 2])",
    ),
    _nn("softsign", "input", "x / (1 + abs(x))", "softsign([-1, 2])"),
    function(
        "softmax",
        "input, dim: int, dtype: dtype = None",
        "probabilities: exp(x) / sum(exp(x)) along dim",
        "softmax([1, 2, 3], 0)",
    ),
    function(
        "log_softmax",
        "input, dim: int, dtype: dtype = None",
        "log(softmax(x)), without underflow",
        "log_softmax([1, 2, 3], 0)",
    ),
    _nn("softmin", "input, dim: int", "softmax(-x)", "softmin([1, 2, 3], 0)"),
    _nn(
        "hardtanh",
        "input, min_val: number = -1, max_val: number = 1",
        "x kept between min_val and max_val",
        "hardtanh([-2, 0.5, 2])",
    ),
    _nn("hardsigmoid", "input", "sigmoid made of three straight lines", "hardsigmoid([-4, 0, 1])"),
    _nn("hardswish", "input", "x * hardsigmoid(x)", "hardswish([-4, 0, 1])"),
    function(
        "hardshrink", "input, lambd: number = 0.5", "x, and 0 between -lambd and lambd", "hardshrink([-1, 0.2, 1])"
    ),
    _nn(
        "softshrink",
        "input, lambd: number = 0.5",
        "x moved by lambd towards 0, and 0 in between",
        "softshrink([-1, 0.2, 1])",
    ),
    _nn("tanhshrink", "input", "x - tanh(x)", "tanhshrink([-1, 2])"),
    _free(
        "threshold",
        "input, threshold: number, value: number",
        "x above the threshold, else value",
        "threshold([1, 2, 3], 1.5, 0)",
    ),
    _nn("glu", "input, dim: int = -1", "first half times the sigmoid of the second half", "glu([1, 2, 0, 1])"),
)

_LAYERS = (
    _nn("linear", "input, weight, bias = None", "input @ weight.T + bias", "linear([1, 2], [[3, 4]], [5])"),
    _nn(
        "normalize",
        "input, p: number = 2, dim: int = 1, eps: number = 1e-12",
        "divided by its p-norm along dim",
        "normalize([3, 4], dim=0)",
    ),
    _nn(
        "layer_norm",
        "input, normalized_shape: ints, weight = None, bias = None, eps: number = 1e-05",
        "shifted and scaled to mean 0, variance 1",
        "layer_norm([1, 2, 3], [3])",
    ),
    _free("conv1d", f"input, {_FILTER}", "sliding dot products along a line", "conv1d([[1, 2, 4, 8]], [[[1, -1]]])"),
    _free(
        "conv2d",
        f"input, {_FILTER}",
        "sliding dot products over a picture",
        "conv2d([[[1, 2], [3, 4]]], [[[[1, -1]]]])",
    ),
    _free("avg_pool1d", f"input, {_WINDOW}", "means of windows along a line", "avg_pool1d([[1, 2, 3, 4]], 2)"),
    _nn("avg_pool2d", f"input, {_WINDOW}", "means of windows over a picture", "avg_pool2d([[[1, 2], [3, 4]]], 2)"),
    _free(
        "max_pool1d",
        f"input, {_WINDOW}, dilation: ints = 1",
        "maxima of windows along a line",
        "max_pool1d([[1, 3, 2, 4]], 2)",
    ),
    _free(
        "max_pool2d",
        f"input, {_WINDOW}, dilation: ints = 1",
        "maxima of windows over a picture",
        "max_pool2d([[[1, 2], [3, 4]]], 2)",
    ),
)

_LOSSES = (
    _nn("mse_loss", f"input, target, *, {_REDUCTION}", "mean squared error", "mse_loss([1, 2], [1, 4])"),
    _nn("l1_loss", f"input, target, *, {_REDUCTION}", "mean absolute error", "l1_loss([1, 2], [1, 4])"),
    _nn(
        "smooth_l1_loss",
        f"input, target, *, {_REDUCTION}, beta: number = 1",
        "squared error below beta, absolute error above",
        "smooth_l1_loss([1, 2], [1.5, 5])",
    ),
    _nn(
        "huber_loss",
        f"input, target, {_REDUCTION}, delta: number = 1",
        "smooth_l1_loss times delta",
        "huber_loss([1, 2], [1.5, 5], delta=2)",
    ),
    _nn(
        "binary_cross_entropy",
        f"input, target, weight = None, *, {_REDUCTION}",
        "loss of probabilities against 0 and 1",
        "binary_cross_entropy([0.9, 0.2], [1, 0])",
    ),
    _nn(
        "binary_cross_entropy_with_logits",
        f"input, target, weight = None, *, {_REDUCTION}, pos_weight = None",
        "binary_cross_entropy(sigmoid(input), target)",
        "binary_cross_entropy_with_logits([2, -1], [1, 0])",
    ),
    _nn(
        "cross_entropy",
        f"input, target, weight = None, *, {_REDUCTION}, label_smoothing: number = 0",
        "loss of scores against class probabilities",
        "cross_entropy([2, 1, 0], [1, 0, 0])",
    ),
    _nn(
        "nll_loss",
        f"input, target: index, weight = None, *, ignore_index: int = -100, {_REDUCTION}",
        "loss of log-probabilities against class numbers",
        "nll_loss(log_softmax([[2, 1, 0]], 1), [0])",
    ),
    _nn(
        "kl_div",
        "input, target, *, reduction: 'none'|'mean'|'sum'|'batchmean' = 'mean', log_target: bool = False",
        "Kullback-Leibler divergence from log-probabilities",
        "kl_div(log([0.5, 0.5]), [0.9, 0.1], reduction='sum')",
    ),
    _nn(
        "poisson_nll_loss",
        f"input, target, log_input: bool = True, full: bool = False, *, eps: number = 1e-08, {_REDUCTION}",
        "loss of rates against counts",
        "poisson_nll_loss([0, 1], [1, 3])",
    ),
    _nn(
        "gaussian_nll_loss",
        f"input, target, var, full: bool = False, eps: number = 1e-06, {_REDUCTION}",
        "loss of means and variances against values",
        "gaussian_nll_loss([1, 2], [1, 4], [1, 2])",
    ),
    _nn(
        "soft_margin_loss",
        f"input, target, *, {_REDUCTION}",
        "log(1 + exp(-target * input)), target -1 or 1",
        "soft_margin_loss([2, -1], [1, -1])",
    ),
    _nn(
        "hinge_embedding_loss",
        f"input, target, margin: number = 1, *, {_REDUCTION}",
        "input where target is 1, hinge where it is -1",
        "hinge_embedding_loss([2, 0.5], [1, -1])",
    ),
    _nn(
        "margin_ranking_loss",
        f"input1, input2, target, margin: number = 0, *, {_REDUCTION}",
        "loss of pairs in the wrong order",
        "margin_ranking_loss([1, 2], [2, 1], [1, 1])",
    ),
    _nn(
        "triplet_margin_loss",
        f"anchor, positive, negative, margin: number = 1, p: number = 2, eps: number = 1e-06, *, {_REDUCTION}",
        "loss of an anchor nearer to the negative",
        "triplet_margin_loss([0, 0], [3, 4], [1, 0])",
    ),
    _nn(
        "cosine_embedding_loss",
        f"input1, input2, target, margin: number = 0, *, {_REDUCTION}",
        "loss of angles: target 1 alike, -1 unlike",
        "cosine_embedding_loss([[1, 0]], [[1, 1]], [1])",
    ),
    _free(
        "cosine_similarity",
        "x1, x2, dim: int = 1, eps: number = 1e-08",
        "cosine of the angle between x1 and x2",
        "cosine_similarity([1, 0], [1, 1], dim=0)",
    ),
    _free(
        "pairwise_distance",
        "x1, x2, p: number = 2, eps: number = 1e-06, keepdim: bool = False",
        "p-norms of the rows of x1 - x2",
        "pairwise_distance([[0, 0]], [[3, 4]])",
    ),
)

_CONSTRUCTORS = (
    _make("tensor", f"data: data, {_DTYPE}", "a tensor of these numbers", "tensor([[1, 2], [3, 4]])"),
    _make(
        "arange",
        f"start: number = 0, end: number = None, step: number = 1, {_DTYPE}",
        "numbers from start up to, not including, end",
        "arange(0, 1, 0.25)",
    ),
    _make(
        "linspace",
        f"start: number, end: number, steps: int, {_DTYPE}",
        "so many numbers from start to end, evenly spaced",
        "linspace(0, 1, 5)",
    ),
    _make(
        "logspace",
        f"start: number, end: number, steps: int, base: number = 10, {_DTYPE}",
        "powers of base, evenly spaced exponents",
        "logspace(-2, 2, 5)",
    ),
    _make("zeros", f"size: sizes, {_DTYPE}", "a tensor of zeros", "zeros(2, 3)"),
    _make("ones", f"size: sizes, {_DTYPE}", "a tensor of ones", "ones(2, 3)"),
    _make("full", f"size: ints, fill_value: number, {_DTYPE}", "a tensor of one number", "full((2, 3), 0.5)"),
    _make("eye", f"n: int, m: int = None, {_DTYPE}", "identity matrix", "eye(3)"),
    _free("zeros_like", f"input, {_DTYPE}", "zeros in the shape of input", "zeros_like([1, 2])", gradient=_SHAPE_ONLY),
    _free("ones_like", f"input, {_DTYPE}", "ones in the shape of input", "ones_like([1, 2])", gradient=_SHAPE_ONLY),
    _free(
        "full_like",
        f"input, fill_value: number, {_DTYPE}",
        "one number in the shape of input",
        "full_like([1, 2], 0.5)",
        gradient=_SHAPE_ONLY,
    ),
    _nn(
        "one_hot",
        "input: index, num_classes: int",
        "1 at the place of each whole number, 0 elsewhere",
        "one_hot([0, 2], 3)",
        gradient=_WHOLE,
    ),
)

_RANDOM_NUMBERS = (
    _draw("rand", f"size: sizes, {_DTYPE}", "uniform random numbers in [0, 1), from --seed", "rand(2, 3)"),
    _draw("randn", f"size: sizes, {_DTYPE}", "normal random numbers, mean 0, variance 1", "randn(2, 3)"),
    _draw(
        "randint",
        f"low: int = 0, high: ints = None, size: ints = None, {_DTYPE}",
        "random whole numbers from low up to, not including, high",
        "randint(0, 10, (5,))",
    ),
    _draw("randperm", f"n: int, {_DTYPE}", "0 to n - 1 in a random order", "randperm(5)"),
    _draw(
        "normal",
        f"mean: number, std: number, size: ints, {_DTYPE}",
        "normal random numbers of this mean and deviation",
        "normal(10, 0.5, (3,))",
    ),
    _draw("rand_like", "input", "uniform random numbers in the shape of input", "rand_like([1, 2])"),
    _draw("randn_like", "input", "normal random numbers in the shape of input", "randn_like([1, 2])"),
    _draw("bernoulli", "input", "1 with this probability, else 0", "bernoulli([0.1, 0.9])", method=True),
    _draw("poisson", "input", "random counts of these rates", "poisson([1, 10])"),
)

_DTYPES_AND_THE_GRAPH = (
    _tensor("float", "input", "converted to float32", "float([1, 2] > 1)"),
    _tensor("double", "input", "converted to float64", "double([1, 2])"),
    _tensor("half", "input", "converted to float16", "half([1, 2.0001])"),
    _tensor("long", "input", "converted to int64, rounded towards zero", "long([1.7, -1.7])", gradient=_WHOLE),
    _tensor("int", "input", "converted to int32, rounded towards zero", "int([1.7, -1.7])", gradient=_WHOLE),
    _tensor("bool", "input", "False where it is 0, else True", "bool([0, 2])", gradient=_BOOL),
    _tensor("to", "input, dtype: dtype", "converted to a dtype", "to([1, 2], torch.float64)"),
    function("clone", "input", "a copy, which keeps the gradient", "clone([1, 2])"),
    function("detach", "input", "the same numbers, without their history", "detach([1, 2])", gradient=_CUT),
)

_OTHER_NAMES = MappingProxyType(
    {
        "absolute": "abs",
        "clip": "clamp",
        "concat": "cat",
        "concatenate": "cat",
        "divide": "div",
        "fix": "trunc",
        "greater": "gt",
        "greater_equal": "ge",
        "less": "lt",
        "less_equal": "le",
        "moveaxis": "movedim",
        "multiply": "mul",
        "negative": "neg",
        "not_equal": "ne",
        "sgn": "sign",
        "subtract": "sub",
    }
)


def _other_name(name: str, row: Function) -> Function:
    example = row.example.replace(f"{row.name}(", f"{name}(", 1)
    meaning = f"another name of {row.name}"
    return function(name, row.signature, meaning, example, method=row.method, gradient=row.gradient)


_TABLE: Mapping[str, tuple[Function, ...]] = MappingProxyType(
    {
        "arithmetic": _ARITHMETIC,
        "trigonometry": _TRIGONOMETRY,
        "exponentials and logarithms": _EXPONENTIALS_AND_LOGARITHMS,
        "error and gamma functions": _ERROR_AND_GAMMA_FUNCTIONS,
        "rounding": _ROUNDING,
        "limits and choice": _LIMITS_AND_CHOICE,
        "comparison and logic": _COMPARISON_AND_LOGIC,
        "reductions": _REDUCTIONS,
        "sorting and selecting": _SORTING_AND_SELECTING,
        "shape": _SHAPE,
        "linear algebra": _LINEAR_ALGEBRA,
        "activations": _ACTIVATIONS,
        "layers": _LAYERS,
        "losses": _LOSSES,
        "constructors": _CONSTRUCTORS,
        "random numbers": _RANDOM_NUMBERS,
        "dtypes and the graph": _DTYPES_AND_THE_GRAPH,
    }
)

_ROWS = {row.name: row for rows in _TABLE.values() for row in rows}

CATEGORIES: Mapping[str, tuple[Function, ...]] = MappingProxyType(
    {**_TABLE, "other names": tuple(_other_name(name, _ROWS[usual]) for name, usual in _OTHER_NAMES.items())}
)
FUNCTIONS: Mapping[str, Function] = MappingProxyType({row.name: row for rows in CATEGORIES.values() for row in rows})

# Other places where PyTorch keeps the same function, and other names that it has there.
_ALSO: Mapping[str, str] = MappingProxyType(
    {
        "torch.special": "digamma erf erfc erfinv exp2 expm1 i0 log1p log_softmax logit logsumexp polygamma round sinc "
        "softmax xlogy psi=digamma gammaln=lgamma expit=sigmoid multigammaln=mvlgamma",
        "torch.linalg": "det slogdet matmul matrix_exp matrix_power inv=inverse",
        "torch.nn.functional": "relu prelu selu celu sigmoid tanh softmax log_softmax hardshrink threshold conv1d "
        "conv2d avg_pool1d max_pool1d max_pool2d cosine_similarity pairwise_distance",
        "torch": "cholesky igamma=gammainc igammac=gammaincc",
    }
)


def _spellings() -> dict[str, Function]:
    """Every way to write each function: ``relu``, ``torch.relu``, ``F.relu``, ``torch.nn.functional.relu``, ..."""
    paths = {row.path: row for row in FUNCTIONS.values()}
    for module, names in _ALSO.items():
        for other, _, name in (entry.partition("=") for entry in names.split()):
            paths[f"{module}.{other}"] = FUNCTIONS[name or other]
    found = dict(FUNCTIONS)
    for path, row in paths.items():
        found[path] = row
        inside = path.removeprefix("torch.")
        if "." in inside:
            found[inside] = row
        if inside.startswith("nn.functional."):
            found[f"F.{inside.removeprefix('nn.functional.')}"] = row
    return found


SPELLINGS: Mapping[str, Function] = MappingProxyType(_spellings())
"""The function of every spelling that a call may have."""
