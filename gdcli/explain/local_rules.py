"""The rules by which a tape goes back one step: the derivative of each function by each of its arguments, in symbols.

A rule is a text of the language in the names of the parameters (``2*input``), with some words more: RESULT is the
function's own value, COUNT the number of elements that a reduction turns into one. For a node of a tape the names are
replaced by the pieces of the expression, and the rule is evaluated: one that does not give autograd's number, as at the
tie of a maximum, is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import torch

from gdcli.errors import GdcliError
from gdcli.explain.names import within
from gdcli.explain.words import broadcast_dims
from gdcli.lang.constructors import Environment
from gdcli.lang.functions import FUNCTIONS
from gdcli.lang.nodes import (
    Application,
    Argument,
    Attribute,
    Binary,
    Call,
    Expression,
    ListOf,
    Node,
    Number,
    Static,
    Unary,
)
from gdcli.lang.objective import build
from gdcli.lang.operators import BINARY, UNARY
from gdcli.lang.parsing import parse

Rules = Mapping[str, str]
"""The derivative by each parameter."""


def _of_one(rules: Mapping[str, str]) -> dict[str, Rules]:
    """Functions of one number."""
    return {name: {"input": rule} for name, rule in rules.items()}


def _alike(names: Sequence[str], rules: Rules) -> dict[str, Rules]:
    """Functions that have the same rules."""
    return dict.fromkeys(names, rules)


_BELL = "exp(-input**2/2)/sqrt(2*pi)"
_EITHER_SIDE = {"input": "input/RESULT", "other": "other/RESULT"}

ELEMENTWISE: Mapping[str, Rules] = {
    **_of_one({
        "neg": "-1", "positive": "1", "abs": "sign(input)", "square": "2*input", "sqrt": "1/(2*sqrt(input))",
        "rsqrt": "-1/(2*input*sqrt(input))", "reciprocal": "-1/input**2", "sin": "cos(input)", "cos": "-sin(input)",
        "tan": "1/cos(input)**2", "asin": "1/sqrt(1 - input**2)", "acos": "-1/sqrt(1 - input**2)",
        "atan": "1/(1 + input**2)", "sinh": "cosh(input)", "cosh": "sinh(input)", "tanh": "1 - tanh(input)**2",
        "asinh": "1/sqrt(input**2 + 1)", "acosh": "1/sqrt(input**2 - 1)", "atanh": "1/(1 - input**2)",
        "sinc": "(cos(pi*input) - sinc(input))/input", "deg2rad": "pi/180", "rad2deg": "180/pi", "exp": "exp(input)",
        "exp2": "exp2(input)*log(2)", "expm1": "exp(input)", "log": "1/input", "log2": "1/(input*log(2))",
        "log10": "1/(input*log(10))", "log1p": "1/(1 + input)", "logit": "1/(input*(1 - input))",
        "entr": "-log(input) - 1", "erf": "2/sqrt(pi)*exp(-input**2)", "erfc": "-2/sqrt(pi)*exp(-input**2)",
        "erfcx": "2*input*erfcx(input) - 2/sqrt(pi)", "erfinv": "sqrt(pi)/2*exp(erfinv(input)**2)", "ndtr": _BELL,
        "ndtri": "sqrt(2*pi)*exp(ndtri(input)**2/2)", "log_ndtr": f"{_BELL}/ndtr(input)", "lgamma": "digamma(input)",
        "digamma": "polygamma(1, input)", "i0": "i1(input)", "i1": "i0(input) - i1(input)/input",
        "i0e": "i1e(input) - sign(input)*i0e(input)", "i1e": "i0e(input) - i1e(input)*(sign(input) + 1/input)",
        "frac": "1", "nan_to_num": "where(isfinite(input), 1, 0)", "relu": "where(input > 0, 1, 0)",
        "relu6": "where(logical_and(input > 0, input < 6), 1, 0)", "leaky_relu": "where(input > 0, 1, negative_slope)",
        "elu": "where(input > 0, 1, alpha*exp(input))",
        "selu": "where(input > 0, 1.0507009873554805, 1.7580993408473766*exp(input))",
        "celu": "where(input > 0, 1, exp(input/alpha))", "gelu": f"ndtr(input) + input*{_BELL}",
        "silu": "sigmoid(input)*(1 + input*(1 - sigmoid(input)))",
        "mish": "tanh(softplus(input)) + input*sigmoid(input)*(1 - tanh(softplus(input))**2)",
        "sigmoid": "sigmoid(input)*(1 - sigmoid(input))", "logsigmoid": "sigmoid(-input)",
        "softplus": "sigmoid(beta*input)", "softsign": "1/(1 + abs(input))**2",
        "hardtanh": "where(logical_and(input > min_val, input < max_val), 1, 0)",
        "hardsigmoid": "where(abs(input) < 3, 1/6, 0)",
        "hardswish": "where(abs(input) < 3, input/3 + 1/2, float(input > 0))",
        "hardshrink": "where(abs(input) > lambd, 1, 0)", "softshrink": "where(abs(input) > lambd, 1, 0)",
        "tanhshrink": "tanh(input)**2", "threshold": "where(input > threshold, 1, 0)",
        **dict.fromkeys(["sign", "floor", "ceil", "round", "trunc"], "0"),
        **dict.fromkeys(["float", "double", "half", "bfloat16", "contiguous", "to", "clone"], "1"),
    }),
    **_alike(
        ["clamp", "clamp_min", "clamp_max"],
        {"input": "where(RESULT == input, 1, 0)", **dict.fromkeys(["min", "max"], "where(RESULT == input, 0, 1)")},
    ),
    "add": {"input": "1", "other": "alpha"},
    "sub": {"input": "1", "other": "-alpha"},
    "mul": {"input": "other", "other": "input"},
    **_alike(["div", "true_divide"], {"input": "1/other", "other": "-input/other**2"}),
    "remainder": {"input": "1", "other": "-floor(input/other)"},
    "fmod": {"input": "1", "other": "-trunc(input/other)"},
    **_alike(["pow", "float_power"], {"input": "exponent*input**(exponent - 1)", "exponent": "RESULT*log(input)"},
    ),
    "hypot": _EITHER_SIDE,
    "copysign": {"input": "sign(input)*sign(other)", "other": "0"},
    "lerp": {"input": "1 - weight", "end": "weight", "weight": "end - input"},
    "addcmul": {"input": "1", "tensor1": "value*tensor2", "tensor2": "value*tensor1"},
    "addcdiv": {"input": "1", "tensor1": "value/tensor2", "tensor2": "-value*tensor1/tensor2**2"},
    "ldexp": {"input": "2**other", "other": "RESULT*log(2)"},
    "atan2": {"input": "other/(input**2 + other**2)", "other": "-input/(input**2 + other**2)"},
    "logaddexp": {"input": "sigmoid(input - other)", "other": "sigmoid(other - input)"},
    "logaddexp2": {"input": "sigmoid(log(2)*(input - other))", "other": "sigmoid(log(2)*(other - input))"},
    "xlogy": {"input": "log(other)", "other": "input/other"},
    "xlog1py": {"input": "log1p(other)", "other": "input/(1 + other)"},
    "gammainc": {"other": "exp((input - 1)*log(other) - other - lgamma(input))"},
    "gammaincc": {"other": "-exp((input - 1)*log(other) - other - lgamma(input))"},
    **_alike(["minimum", "fmin"], {"input": "where(input < other, 1, 0)", "other": "where(other < input, 1, 0)"}),
    **_alike(["maximum", "fmax"], {"input": "where(input > other, 1, 0)", "other": "where(other > input, 1, 0)"}),
    "where": {"input": "where(condition, 1, 0)", "other": "where(condition, 0, 1)"},
    "masked_fill": {"input": "where(mask, 0, 1)"},
}  # fmt: skip

_CHOSEN = {"input": "where(input == RESULT, 1, 0)"}
REDUCTIONS: Mapping[str, Rules] = {
    **_alike(["sum", "nansum"], {"input": "1"}),
    **_alike(["mean", "nanmean"], {"input": "1/COUNT"}),
    "prod": {"input": "RESULT/input"},
    **_alike(["norm", "vector_norm", "linalg.norm"], {"input": "input/RESULT", "A": "A/RESULT", "x": "x/RESULT"}),
    "dist": {"input": "(input - other)/RESULT", "other": "(other - input)/RESULT"},
    "logsumexp": {"input": "softmax(input, dim)"},
    "var": {"input": "2*(input - mean(input))/(COUNT - 1)"},
    "std": {"input": "(input - mean(input))/((COUNT - 1)*RESULT)"},
    **_alike(["amax", "amin", "median"], _CHOSEN),
    **_alike(["max", "min"], {**_CHOSEN, "dim": "where(dim == RESULT, 1, 0)"}),  # dim may be the other tensor
    "dot": {"input": "tensor", "tensor": "input"},
    "inner": {"input": "other", "other": "input"},
}

_LOSSES: Mapping[str, Rules] = {
    "mse_loss": {"input": "2*(input - target)", "target": "2*(target - input)"},
    "l1_loss": {"input": "sign(input - target)", "target": "sign(target - input)"},
    "smooth_l1_loss": {"input": "clamp((input - target)/beta, -1, 1)", "target": "clamp((target - input)/beta, -1, 1)"},
    "huber_loss": {
        "input": "clamp(input - target, -delta, delta)", "target": "clamp(target - input, -delta, delta)"},
    "binary_cross_entropy": {
        "input": "(input - target)/(input*(1 - input))", "target": "log(1 - input) - log(input)"},
    "binary_cross_entropy_with_logits": {"input": "sigmoid(input) - target", "target": "-input"},
    "poisson_nll_loss": {"input": "exp(input) - target", "target": "-input"},
    "gaussian_nll_loss": {"input": "(input - target)/var", "target": "(target - input)/var"},
    "soft_margin_loss": {"input": "-target*sigmoid(-target*input)", "target": "-input*sigmoid(-target*input)"},
    "kl_div": {"input": "-target"},
}  # fmt: skip

# What comes out is what goes in, somewhere else.
_MOVING = frozenset([
    "reshape", "view", "flatten", "ravel", "squeeze", "unsqueeze", "transpose", "swapaxes", "permute", "movedim",
    "stack", "cat", "hstack", "vstack", "column_stack", "flip", "fliplr", "flipud", "roll", "rot90", "sort", "msort",
    "diagflat", "diag_embed", "T", "mT",
])  # fmt: skip


Read = Callable[[str], Expression]
"""Parses a piece of an expression or of a program."""


def rule(
    parent: Node, child: Node, expression: Expression, parent_shape: torch.Size, shape: torch.Size, read: Read = parse
) -> str:
    """The derivative of ``parent`` by its part ``child``, in symbols; empty where there is no simple one.

    As in a tape, it is the derivative of the sum of the parent's elements: where a part is broadcast, that of all
    elements that it goes into.
    """
    if isinstance(parent, ListOf | Attribute | Application):
        return "1"
    call = _as_call(parent, child)
    if call is None:
        return ""
    name, parameter, given = call
    count = shape.numel() // max(1, parent_shape.numel())
    if name in _MOVING:
        return "1"
    template = ELEMENTWISE.get(name, REDUCTIONS.get(name, _LOSSES.get(name, {}))).get(parameter, "")
    if not template:
        return ""
    texts = {key: _text(value, expression) for key, value in given.items()}
    texts |= {"RESULT": expression.text(parent), "COUNT": str(count)}
    found = _power(given, parameter, texts, read) if name in ("pow", "float_power") else ""
    found = found or _filled(template, texts, read)
    if name in _LOSSES and texts.get("reduction", "mean") == "mean" and shape.numel() > 1:
        found = f"({found})/{shape.numel()}"
    return _summed(found, shape, parent_shape, read) if name in ELEMENTWISE else found


def is_that(text: str, local: torch.Tensor, tensors: Mapping[str, torch.Tensor], read: Read = parse) -> bool:
    """Whether a rule gives the numbers of a local derivative, to the digits of its dtype, in float64."""
    try:
        parsed = read(text)
        if not set(parsed.variables) <= set(tensors):  # it has a default that is no text of the language
            return False
        given = {name: tensors[name].detach() for name in parsed.variables}
        given = {name: t.double() if t.is_floating_point() else t for name, t in given.items()}
        value = build(parsed, Environment(torch.float64, local.device), given)(*given.values()).double()
        expected, value = torch.broadcast_tensors(local.detach().double(), value)  # type: ignore[no-untyped-call]
    except (GdcliError, RuntimeError):
        return False
    if not bool(expected.isfinite().all()):
        return False
    tolerance = torch.finfo(local.dtype).eps ** 0.5
    same = torch.isclose(value, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))
    return expected.shape == local.shape and bool(same.all())


def _as_call(parent: Node, child: Node) -> tuple[str, str, dict[str, Node | Static | str]] | None:
    """The function of a node, the parameter that a part is given for, and all that it is given, defaults included."""
    if isinstance(parent, Unary):
        return UNARY[parent.operator].name, "input", {"input": parent.operand}
    if isinstance(parent, Binary):
        name = BINARY[parent.operator].name
        if parent.operator == "@":
            return None
        first, second = (p.name for p in FUNCTIONS[name].parameters[:2])
        given = {first: parent.left, second: parent.right, **_defaults(name)}
        return name, first if child is parent.left else second, given
    if not isinstance(parent, Call):
        return None
    name = parent.function.usual
    for argument in parent.arguments:
        if argument.value is child or (
            isinstance(argument.value, tuple) and any(child is part for part in argument.value)
        ):
            return name, argument.parameter.name, _defaults(name) | _given(parent.arguments)
    return None


def _given(arguments: tuple[Argument, ...]) -> dict[str, Node | Static | str]:
    return {a.parameter.name: a.value for a in arguments if not isinstance(a.value, tuple)}


def _defaults(name: str) -> dict[str, Node | Static | str]:
    """The defaults of a function's parameters, as they are written."""
    parts = (part.partition(" = ") for part in FUNCTIONS[name].signature.split(", "))
    return {left.partition(": ")[0]: default.strip("'") for left, _, default in parts if default}


def _text(value: Node | Static | str, expression: Expression) -> str:
    if isinstance(value, str):
        return value
    return str(value.value) if isinstance(value, Static) else expression.text(value)


def _power(given: Mapping[str, Node | Static | str], parameter: str, texts: Mapping[str, str], read: Read) -> str:
    """The rule of a power whose exponent is a number, calculated; empty for another."""
    exponent = given["exponent"]
    if parameter != "input" or not isinstance(exponent, Number):
        return ""
    n = exponent.value
    less = n - 1
    if less in (0, 1):
        return "1" if less == 0 else _filled("2*input", texts, read)
    power = f"{less:.15g}" if less > 0 else f"({less:.15g})"
    factor = "-" if n == -1 else f"{n:.15g}*"
    return _filled(f"{factor}input**{power}", texts, read)


def _filled(template: str, texts: Mapping[str, str], read: Read) -> str:
    """The template with its names replaced, in parentheses where an operator stands beside a longer piece."""
    words = "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))

    def replaced(match: re.Match[str]) -> str:
        text = texts[match[0]]
        before, after = template[: match.start()].rstrip()[-1:], template[match.end() :].lstrip()[:1]
        alone = before in ("", "(", ",") and after in ("", ")", ",")
        return text if alone or _is_atom(text, read) else f"({text})"

    return re.sub(rf"\b({words})\b(?!\()", replaced, template)


def _is_atom(text: str, read: Read) -> bool:
    """Whether a piece needs no parentheses beside an operator."""
    try:
        root = read(text).root
    except GdcliError:
        return True
    return not isinstance(root, Binary | Unary) and not (isinstance(root, Number) and not re.fullmatch(r"[\w.]+", text))


def _summed(text: str, shape: torch.Size, parent_shape: torch.Size, read: Read) -> str:
    """A rule summed over the dimensions along which a part was broadcast."""
    dims = broadcast_dims(shape, parent_shape)
    if not dims:
        return text
    if not read(text).variables:
        count = parent_shape.numel() // shape.numel()
        return str(count) if text == "1" else f"{count}*{text if _is_atom(text, read) else f'({text})'}"
    if not shape:
        return f"sum({text})"
    listed = str(dims[0]) if len(dims) == 1 else f"({', '.join(map(str, dims))})"
    return f"sum({text}, {listed}{', True' if len(shape) == len(parent_shape) else ''})"


def draws(node: Node) -> bool:
    """Whether a part of the node draws random numbers: a rule that repeats it would draw others."""
    return any(isinstance(part, Call) and part.function.form == "random" for part in within(node))
