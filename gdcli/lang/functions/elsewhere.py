"""The functions of NumPy and of Python's math that mean what a function of the table means, and those that do not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

_SAME_IN_NUMPY = """
abs absolute add all amax amin any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort
broadcast_to ceil clip column_stack concatenate copysign corrcoef cos cosh count_nonzero cov cumprod cumsum deg2rad
diag diagflat diagonal diff divide einsum equal exp exp2 expm1 eye fix flip fliplr flipud float_power floor
floor_divide fmax fmin fmod full full_like greater greater_equal heaviside hstack hypot i0 inner isclose isfinite isin
isinf isnan isneginf isposinf kron ldexp less less_equal linspace log log10 log1p log2 logaddexp logaddexp2
logical_and logical_not logical_or logical_xor logspace matmul maximum mean minimum moveaxis multiply nanmean
nanquantile nansum negative not_equal ones ones_like outer positive prod quantile rad2deg ravel reciprocal remainder
repeat reshape roll rot90 round sign signbit sin sinc sinh sqrt square squeeze stack subtract sum swapaxes take tan
tanh tensordot tile trace trapezoid tril triu true_divide trunc vander vdot vstack where zeros zeros_like
"""
_RENAMED_IN_NUMPY = {
    "array": "tensor",
    "asarray": "tensor",
    "average": "mean",
    "cross": "linalg.cross",
    "degrees": "rad2deg",
    "dot": "matmul",
    "equal": "eq",
    "expand_dims": "unsqueeze",
    "fabs": "abs",
    "identity": "eye",
    "max": "amax",
    "min": "amin",
    "mod": "remainder",
    "power": "pow",
    "radians": "deg2rad",
    "repeat": "repeat_interleave",
    "rint": "round",
    "take_along_axis": "take_along_dim",
    "trapz": "trapezoid",
    "linalg.cholesky": "cholesky",
    "linalg.cond": "linalg.cond",
    "linalg.det": "det",
    "linalg.eigh": "eigh",
    "linalg.eigvalsh": "eigvalsh",
    "linalg.inv": "inverse",
    "linalg.matrix_power": "matrix_power",
    "linalg.matrix_rank": "matrix_rank",
    "linalg.multi_dot": "multi_dot",
    "linalg.norm": "linalg.norm",
    "linalg.slogdet": "slogdet",
    "linalg.solve": "solve",
    "linalg.svdvals": "svdvals",
}
_IN_MATH = {
    **{
        name: name
        for name in [
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "atan2",
            "sinh",
            "cosh",
            "tanh",
            "asinh",
            "acosh",
            "atanh",
        ]
    },
    **{
        name: name
        for name in [
            "exp",
            "exp2",
            "expm1",
            "log",
            "log2",
            "log10",
            "log1p",
            "sqrt",
            "pow",
            "hypot",
            "copysign",
            "fmod",
        ]
    },
    **{
        name: name
        for name in ["floor", "ceil", "trunc", "erf", "erfc", "lgamma", "isnan", "isinf", "isfinite", "ldexp"]
    },
    "degrees": "rad2deg",
    "fabs": "abs",
    "radians": "deg2rad",
}
_NUMPYS_OWN = {"abs": "fabs", "absolute": "fabs", "power": "pow", "deg2rad": "radians", "rad2deg": "degrees"} | {
    f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")
}
NUMPY = ("np", "numpy")


def _spellings() -> dict[str, str]:
    numpy = {name: name for name in _SAME_IN_NUMPY.split()} | _RENAMED_IN_NUMPY
    in_numpy = {f"{module}.{name}": found for module in NUMPY for name, found in numpy.items()}
    return in_numpy | {f"math.{name}": found for name, found in _IN_MATH.items()}


SAME: Mapping[str, str] = MappingProxyType(_spellings())
"""The name in the table of every ``np.f`` and ``math.f`` of the same meaning."""


def _on_numbers() -> dict[str, Callable[..., float]]:
    found: dict[str, Callable[..., float]] = {f"math.{name}": getattr(math, name) for name in _IN_MATH}
    for name in SAME:
        module, _, bare = name.partition(".")
        if module in NUMPY and f"math.{(same := _NUMPYS_OWN.get(bare, bare))}" in found:
            found[name] = found[f"math.{same}"]
    return found


ON_NUMBERS: Mapping[str, Callable[..., float]] = MappingProxyType(_on_numbers())
"""What these compute for plain numbers: a plain number, as in a script (``x / math.sqrt(2)``)."""

_BIASED = "divides by n, and PyTorch's {0} by n - 1: write {0}(x, correction=0)"
_DRAWS = "NumPy draws other numbers: write {0}, which draws from --seed"

DIFFERENT: Mapping[str, str] = MappingProxyType(
    {
        "np.std": f"np.std {_BIASED.format('std')}",
        "np.var": f"np.var {_BIASED.format('var')}",
        "np.nanstd": "it divides by n, and leaves nan out: write std(x[isfinite(x)], correction=0)",
        "np.median": "PyTorch's median is the lower of two middle values: write quantile(x, 0.5)",
        "np.sort": "PyTorch's sort gives values and indices: write sort(x)[0]",
        "np.transpose": "write x.T, or permute(x, (1, 0))",
        "np.matrix": "write tensor([[1, 2], [3, 4]])",
        "np.split": "np.split takes the number of parts: write chunk(x, 2), or split(x, size)",
        "np.cbrt": "write sign(x)*abs(x)**(1/3)",
        "np.nan_to_num": "write nan_to_num(x, nan=0)",
        "np.linalg.pinv": "the two cut off small singular values at other places: write pinv(x)",
        "np.linalg.svd": "write svdvals(x) for the singular values",
        "np.random.rand": _DRAWS.format("rand(3, 4)"),
        "np.random.random": _DRAWS.format("rand(3, 4)"),
        "np.random.uniform": _DRAWS.format("low + (high - low)*rand(3, 4)"),
        "np.random.randn": _DRAWS.format("randn(3, 4)"),
        "np.random.normal": _DRAWS.format("normal(0, 1, (3, 4))"),
        "np.random.randint": _DRAWS.format("randint(0, 10, (3,))"),
        "math.remainder": "math.remainder rounds to the nearest, and PyTorch's down: write x - y*round(x/y)",
        "math.gamma": "write exp(lgamma(x))",
        "math.factorial": "write exp(lgamma(x + 1))",
        "math.dist": "write norm(x - y)",
        "math.isclose": "its tolerances are others: write isclose(x, y, 1e-09, 0)",
        "math.cbrt": "write sign(x)*abs(x)**(1/3)",
        "math.fsum": "write sum(x)",
    }
)
"""What to write for those whose meaning is another."""
