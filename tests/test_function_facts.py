"""The facts of the table of functions against PyTorch: shapes, dtypes, pairs, leaves, and the way of the gradient."""

from __future__ import annotations

import pytest
import torch

from gdcli.lang.functions import FUNCTIONS, MATRIX_OPERATIONS
from gdcli.lang.limits import largest
from gdcli.lang.nodes import children, postorder
from gdcli.lang.operators import BINARY, UNARY
from gdcli.lang.parsing import parse
from gdcli.lang.shapes import Shape, shape_of
from gdcli.lang.signature import Fact, Function
from tests.test_functions import ROWS, as_pytorch, bits, calls_of, oracle, parts, tracked, variables

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # deprecations and remarks of PyTorch itself

# A constructor of whole numbers, and of one that is not.
OF_NUMBERS = {
    "tensor": ("tensor([1, 2])", "tensor([1, 2.5])"),
    "full": ("full((2, 3), 1)", "full((2, 3), 0.5)"),
    "arange": ("arange(3)", "arange(0, 3, 0.5)"),
}


def having(fact: Fact) -> pytest.MarkDecorator:
    rows = [row for row in FUNCTIONS.values() if fact in row.facts]
    return pytest.mark.parametrize("row", rows, ids=[row.name for row in rows])


def foretold(text: str, shapes: dict[str, Shape]) -> Shape | None:
    """The shape of the result as gdcli derives it from those of the variables."""
    known: dict[int, Shape | None] = {}
    root = parse(text).root
    for node in postorder(root):
        known[id(node)] = shape_of(node, [known[id(child)] for child in children(node)], shapes)
    return known[id(root)]


@ROWS
def test_shapes_and_bounds_hold(row: Function) -> None:
    tensors = variables(0)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for text in calls_of(row):
        result, shape = oracle(text, tensors), foretold(text, shapes)
        assert shape in (None, *([tuple(result.shape)] if isinstance(result, torch.Tensor) else [])), text
        assert shape is not None or "elementwise" not in row.facts, text
        if row.name != "pad":  # its sizes are added and not multiplied
            assert largest(parse(text).root, shapes) >= max(part.numel() for part in parts(result)), text


@having("reduction")
def test_reduction_of_a_tensor_alone_is_one_number(row: Function) -> None:
    assert oracle(f"{row.name}(A)", variables(0)).shape == ()
    assert foretold(f"{row.name}(A)", {"A": (3, 3)}) == ()


def test_what_is_wide_on_its_way_is_bounded_by_its_numbers() -> None:
    assert largest(parse("mvlgamma(x, 1000)").root, {"x": (500,)}) >= 500_000


@ROWS
def test_pairs_of_values_and_indices_are_told(row: Function) -> None:
    results = [oracle(text, variables(0)) for text in calls_of(row)]
    pairs = [result for result in results if isinstance(result, tuple) and hasattr(result, "indices")]
    assert ("values and indices" in row.facts) == bool(pairs)


@pytest.mark.slow
@ROWS
def test_result_that_may_be_the_input_itself_is_told(row: Function) -> None:
    found = False
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.bool):
        tensors = {name: tensor.nan_to_num(0).to(dtype) for name, tensor in variables(0).items()}
        for text in calls_of(row):
            try:
                result = oracle(text, tensors)
            except (RuntimeError, TypeError, ValueError, IndexError):  # PyTorch has it for other dtypes only
                continue
            found |= any(result is tensor for tensor in tensors.values())
    assert ("input itself" in row.facts) == found


@having("conversion")
def test_conversion_is_to_the_dtype_of_its_name(row: Function) -> None:
    assert oracle(f"{row.name}(x)", variables(0)).dtype == getattr(torch, row.name)


MAKERS = [row for row in FUNCTIONS.values() if row.makes_a_tensor]


@pytest.mark.parametrize("row", MAKERS, ids=[row.name for row in MAKERS])
def test_makers_that_take_requires_grad_are_told(row: Function) -> None:
    text = f"{calls_of(row)[0].removesuffix(')')}, requires_grad=True)"
    try:
        takes = oracle(text, variables(0)).requires_grad
    except TypeError:
        takes = False
    assert ("requires_grad" in row.facts) == takes


@pytest.mark.parametrize("row", MAKERS, ids=[row.name for row in MAKERS])
def test_dtype_that_nobody_gave_is_told(row: Function) -> None:
    if not any(parameter.name == "dtype" for parameter in row.parameters):
        assert not {"default dtype", "dtype of its numbers"} & set(row.facts)
        return
    whole, broken = (
        eval(text, {row.name: as_pytorch(row).func})  # type: ignore[attr-defined]
        for text in OF_NUMBERS.get(row.name, (row.example, row.example))
    )
    assert broken.is_floating_point() == bool({"default dtype", "dtype of its numbers"} & set(row.facts))
    assert whole.is_floating_point() == ("default dtype" in row.facts)


@having("product")
def test_product_is_linear_in_each_side(row: Function) -> None:
    for text in calls_of(row):
        tensors = variables(0)
        for name in parse(text).variables:
            doubled = oracle(text, {**tensors, name: 2 * tensors[name]})
            assert torch.allclose(doubled, 2 * oracle(text, tensors)), text


@having("bounds")
def test_no_gradient_passes_where_a_bound_holds(row: Function) -> None:
    for text in calls_of(row):
        tensors = {**tracked(0), "x": torch.tensor([-9, -3, 0.25, 3, 9], dtype=torch.float64, requires_grad=True)}
        result = oracle(text, tensors)
        (gradient,) = torch.autograd.grad(result.sum(), tensors["x"])
        assert torch.equal(gradient, (result == tensors["x"]).double()), text


@having("choice")
def test_all_of_the_gradient_goes_to_what_is_chosen(row: Function) -> None:
    for text in calls_of(row):
        tensors = tracked(0)
        result = parts(oracle(text, tensors))[0]
        gradients = torch.autograd.grad(result.sum(), [tensors[name] for name in parse(text).variables])
        assert sum(float(gradient.sum()) for gradient in gradients) == pytest.approx(result.numel()), text


def test_operators_are_the_functions_of_their_names() -> None:
    tensors = variables(0)
    for symbol, operator in BINARY.items():
        sides = "A, B" if symbol == "@" else "x, u"
        assert bits(oracle(f"{operator.name}({sides})", tensors)) == bits(
            oracle(sides.replace(",", f" {symbol}"), tensors)
        )
        assert operator.compute is None or operator.compute(7.0, 2.0) == eval(f"7.0 {symbol} 2.0")
    for symbol, sign in UNARY.items():
        assert torch.equal(oracle(f"{sign.name}(x)", tensors), oracle(f"{symbol}x", tensors))
        assert sign.compute(7.0) == eval(f"{symbol}7.0")


def test_matrix_operations_are_no_elementwise_ones() -> None:
    assert {"matmul", "solve"} <= MATRIX_OPERATIONS
    assert not [name for name in MATRIX_OPERATIONS if "elementwise" in FUNCTIONS[name].facts]
