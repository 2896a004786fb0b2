"""Conversions to a dtype, and functions that keep or detach the autograd graph."""

from __future__ import annotations

from gdcli.lang.functions.rows import BOOL, WHOLE, conversion, elementwise, tensor_method

CATEGORY = "dtypes and the graph"
_CUT = "it stops the gradient on purpose"

FUNCTIONS = (
    conversion("float", "input", "converted to float32", "float([1, 2] > 1)"),
    conversion("double", "input", "converted to float64", "double([1, 2])"),
    conversion("half", "input", "converted to float16", "half([1, 2.0001])"),
    conversion("bfloat16", "input", "converted to bfloat16", "bfloat16([1, 2.001])"),
    conversion("long", "input", "converted to int64, rounded towards zero", "long([1.7, -1.7])", gradient=WHOLE),
    conversion("int", "input", "converted to int32, rounded towards zero", "int([1.7, -1.7])", gradient=WHOLE),
    conversion("bool", "input", "False where it is 0, else True", "bool([0, 2])", gradient=BOOL),
    tensor_method(
        "to",
        "input, dtype: dtype",
        "converted to a dtype",
        "to([1, 2], torch.float64)",
        facts=("elementwise", "input itself"),
    ),
    tensor_method(
        "type_as",
        "input, other",
        "converted to the dtype of other",
        "type_as([1, 2], double(0))",
        facts=("input itself",),
    ),
    tensor_method(
        "contiguous",
        "input",
        "the same values, in the order of the rows",
        "contiguous([1, 2])",
        facts=("elementwise", "input itself"),
    ),
    elementwise("clone", "input", "a copy that gradients flow through", "clone([1, 2])"),
    elementwise("detach", "input", "the same values, detached from the graph", "detach([1, 2])", gradient=_CUT),
)
