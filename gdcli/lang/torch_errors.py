"""PyTorch's errors as errors at a place in the text, with a hint where the cause is known. No torch here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType

from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.arguments import OF_TWO
from gdcli.lang.constants import ConstantError
from gdcli.lang.nodes import Argument, Call, Expression, Index, Reference, Span, Static, Variable, postorder

FILENAME = "<gdcli expression>"
"""The file name of the code that an expression is compiled to."""

# What PyTorch says of an argument of the wrong dtype, and the conversion to the right one.
_CONVERSIONS = (
    (re.compile(r"\b(Long|LongTensor|int64|long tensor)\b"), "long", "indices and class labels are whole numbers"),
    (re.compile(r"\b(boolean tensor|Bool)\b"), "bool", "a condition is true or false"),
)
_WANTS_A_NUMBER = re.compile(r"argument '(\w+)'.* must be (?:Number|float|double|Scalar|int), not Tensor")
_ONE_OF_A_PAIR = "select one with .values or .indices"
_LABELS = ("cross_entropy", "nll_loss")


def located(error: BaseException, expression: Expression, shapes: Mapping[str, tuple[int, ...]]) -> GdcliError:
    """The error of PyTorch as a GdcliError, at the place in the text where it happened."""
    if isinstance(error, ExpressionError):
        return error
    span = _span(error.__traceback__) or expression.place
    message, hint = _explained(error, shapes)
    hint = _remedy(str(error), expression, span) or hint
    if hint == _ONE_OF_A_PAIR:
        hint += _of_two(expression, span)
    code = error.code if isinstance(error, GdcliError) else "evaluation"
    return ExpressionError(code, message, hint, source=expression.source, span=span)


def _explained(error: BaseException, shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, str]:
    if isinstance(error, GdcliError):
        return error.message, error.hint
    text = str(error)
    if isinstance(error, ConstantError):
        return text, ""
    if "allocate" in text or isinstance(error, MemoryError):
        return "not enough memory for this operation", "use smaller tensors"
    if "concatenate tuple" in text or "return_types" in text or "must be Tensor, not tuple" in text:
        return "part of this expression is a pair of values and indices", _ONE_OF_A_PAIR
    sentence = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    sentence = re.sub(r"[,;]? but expected one of:.*", "", sentence)
    return f"PyTorch reports: {sentence}", _shapes_listed(shapes)


def _remedy(said: str, expression: Expression, span: Span) -> str:
    """The hint for an error of a call whose cause is known; an empty string for any other."""
    for node in postorder(expression.root):
        if isinstance(node, Index) and node.span == span and "tensors used as indices" in said:
            indices = [item for item in node.items if isinstance(item, (Variable, Call, Reference))]
            return f"indices are whole numbers: write long({expression.text(indices[0])})" if indices else ""
    call = next((n for n in postorder(expression.root) if isinstance(n, Call) and n.span == span), None)
    if call is None:
        return ""
    given = {a.parameter.name: a for a in call.arguments}
    wanted = _WANTS_A_NUMBER.search(said)
    number = given.get(wanted[1]) if wanted else None
    if wanted and number and number.parameter.kind == "number":
        name = expression.text(number.value) if not isinstance(number.value, (Static, tuple)) else wanted[1]
        return f"'{wanted[1]}' is a plain number, or a tensor of one number without a gradient: write detach({name})"
    dim = given.get("dim")
    if "Dimension out of range" in said and dim is not None and not dim.by_keyword and call.function.name in OF_TWO:
        return f"the second argument is a dimension; {OF_TWO[call.function.name]}"
    for pattern, conversion, because in _CONVERSIONS:
        argument = next((a for a in call.arguments if _selects(call, a)), None)
        if pattern.search(said) and argument and not isinstance(argument.value, (Static, tuple)):
            return f"{because}: write {conversion}({expression.text(argument.value)})"
    return ""


def _selects(call: Call, argument: Argument) -> bool:
    """Whether the argument consists of indices, class labels or conditions."""
    name = argument.parameter.name
    labels = name == "target" and call.function.name in _LABELS
    return argument.parameter.kind == "index" or name == "condition" or labels


def _of_two(expression: Expression, span: Span) -> str:
    """What is meant instead of a max or min along a dimension in this part of the text, where there is one."""
    for node in postorder(expression.root):
        inside = span[0] <= node.span[0] and node.span[1] <= span[1]
        if inside and isinstance(node, Call) and node.function.name in ("max", "min") and len(node.arguments) > 1:
            return f"; {OF_TWO[node.function.name]}"
    return ""


def _shapes_listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    if len(shapes) == 1:
        return "".join(f"the shape of {name} is {shape}" for name, shape in shapes.items())
    shown = ", ".join(f"{name} {shape}" for name, shape in list(shapes.items())[:6])
    return f"the shapes are {shown}" if shown else ""


def _span(traceback: TracebackType | None) -> Span | None:
    """The columns of the innermost part of the expression that was being evaluated."""
    found = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == FILENAME:
            positions = list(code.co_positions())[traceback.tb_lasti // 2]
            if positions[2] is not None and positions[3] is not None:
                found = (positions[2], positions[3])
        traceback = traceback.tb_next
    return found
