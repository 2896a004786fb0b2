"""Constructors: tensors made of plain numbers."""

from __future__ import annotations

from gdcli.lang.functions.rows import BOOL, DTYPE, WHOLE, constructor, free, nn

CATEGORY = "constructors"
_SHAPE_ONLY = "only the shape of the input is used"

FUNCTIONS = (
    constructor(
        "tensor",
        f"data: data, {DTYPE}",
        "a tensor of these numbers",
        "tensor([[1, 2], [3, 4]])",
        facts=("dtype of its numbers", "requires_grad"),
    ),
    constructor(
        "FloatTensor",
        "data: lists",
        "a float32 tensor of these numbers, in a list",
        "FloatTensor([1, 2])",
        facts=(),
        other_names=("Tensor",),
    ),
    constructor("DoubleTensor", "data: lists", "a float64 tensor of these numbers", "DoubleTensor([1, 2])", facts=()),
    constructor(
        "LongTensor", "data: lists", "an int64 tensor of these numbers", "LongTensor([1, 2])", gradient=WHOLE, facts=()
    ),
    constructor(
        "BoolTensor",
        "data: lists",
        "a tensor of these truth values",
        "BoolTensor([True, False])",
        gradient=BOOL,
        facts=(),
    ),
    constructor(
        "arange",
        f"start: number = 0, end: number = None, step: number = 1, {DTYPE}",
        "numbers from start up to but not including end",
        "arange(0, 1, 0.25)",
        facts=("dtype of its numbers", "requires_grad"),
    ),
    constructor(
        "linspace",
        f"start: number, end: number, steps: int, {DTYPE}",
        "evenly spaced numbers from start to end, inclusive",
        "linspace(0, 1, 5)",
        facts=("default dtype", "requires_grad"),
    ),
    constructor(
        "logspace",
        f"start: number, end: number, steps: int, base: number = 10, {DTYPE}",
        "powers of base with evenly spaced exponents",
        "logspace(-2, 2, 5)",
        facts=("default dtype", "requires_grad"),
    ),
    constructor(
        "zeros", f"size: sizes, {DTYPE}", "a tensor of zeros", "zeros(2, 3)", facts=("default dtype", "requires_grad")
    ),
    constructor(
        "ones", f"size: sizes, {DTYPE}", "a tensor of ones", "ones(2, 3)", facts=("default dtype", "requires_grad")
    ),
    constructor(
        "full",
        f"size: ints, fill_value: number, {DTYPE}",
        "a tensor filled with one number",
        "full((2, 3), 0.5)",
        facts=("dtype of its numbers", "requires_grad"),
    ),
    constructor(
        "eye", f"n: int, m: int = None, {DTYPE}", "identity matrix", "eye(3)", facts=("default dtype", "requires_grad")
    ),
    free("zeros_like", f"input, {DTYPE}", "zeros with the shape of input", "zeros_like([1, 2])", gradient=_SHAPE_ONLY),
    free("ones_like", f"input, {DTYPE}", "ones with the shape of input", "ones_like([1, 2])", gradient=_SHAPE_ONLY),
    free(
        "full_like",
        f"input, fill_value: number, {DTYPE}",
        "fill_value repeated in the shape of input",
        "full_like([1, 2], 0.5)",
        gradient=_SHAPE_ONLY,
    ),
    nn(
        "one_hot",
        "input: index, num_classes: int",
        "1 at each index, 0 elsewhere",
        "one_hot([0, 2], 3)",
        gradient=WHOLE,
    ),
)
