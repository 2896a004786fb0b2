"""The expression language means what PyTorch means: the same text gives the same tensor, bit for bit."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 -- as everybody writes it

from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import (
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    ListOf,
    Node,
    Number,
    Unary,
    Variable,
    postorder,
)
from gdcli.lang.objective import build
from gdcli.lang.parsing import parse
from gdcli.lang.syntax import parse_value

X = torch.tensor(0.75)
V = torch.tensor([1.0, -2.0, 3.0])
W = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
VARIABLES = {"x": X, "v": V, "W": W}


def evaluate(expression: Expression, **tensors: torch.Tensor) -> Any:
    """What gdcli computes, from the seed 0."""
    return build(expression, Environment())(*(tensors[name] for name in expression.variables))


def in_pytorch(text: str, **tensors: torch.Tensor) -> Any:
    """What PyTorch computes for the same text, after the imports that a notebook has."""
    torch.manual_seed(0)
    names = {"torch": torch, "F": F, "special": torch.special, "linalg": torch.linalg}
    return eval(text, {**vars(torch), **names, **tensors})


def assert_same(actual: Any, expected: Any) -> None:
    """Equal values (nan included), dtypes and shapes."""
    assert isinstance(actual, torch.Tensor)
    torch.testing.assert_close(actual, torch.as_tensor(expected), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "text",
    [
        # operators
        *["x + 2", "x - 2", "x * 2", "x / 3", "7 // x", "v % 2", "x ** 3", "2 ** x", "W @ v", "-x", "+x", "--x"],
        *["-x ** 2", "(-x) ** 2", "2 * -x", "x ** -2", "2 ** x ** 2", "x / 2 / 3", "x - 1 - 2", "1 - (x - 2)"],
        *["x+1.5e-3", "x + .5", "x + 5.", "x * 1_000", "x * 2e3", "v * 2 + x / 3 - 1", "W @ v * 2", "W * 2 @ v"],
        # one comparison
        *["v < 1", "v <= 1", "v > 1", "v >= 1", "v == 3", "v != 3", "v + 1 < x * 2"],
        # indexing
        *["v[0]", "v[-1]", "v[1:]", "v[:2]", "v[::2]", "v[:]", "W[0]", "W[0, 1]", "W[0][1]", "W[:, 0]", "W[1:, ]"],
        *["W[0, 1:3]", "W[-1, ::2]", "W[0:1, :2]", "(W @ v)[1]", "v[1 + 1]", "W[(0, 1)]"],
        # transposes, and results that have values and indices
        *["W.T", "W.mT", "W.T @ W", "torch.max(W, 0).values", "torch.max(W, 0).indices", "torch.sort(v)[0]"],
        *["torch.topk(v, 2).values", "W.max(dim=1).values", "torch.min(W, dim=0)[1]"],
        # the function, the method, and the places where PyTorch keeps it
        *["sin(x)", "torch.sin(x)", "x.sin()", "x.sin().cos()", "torch.relu(v)", "F.relu(v)", "v.relu()"],
        *["torch.nn.functional.softplus(v)", "F.softplus(v)", "torch.special.entr(x)", "special.entr(x)"],
        *["torch.linalg.vector_norm(v)", "linalg.vector_norm(v)", "linalg.norm(W)", "norm(W)", "W.matmul(v)"],
        *["torch.matmul(W, v)", "(x + 1).pow(2)", "v.dot(v)", "W.sum()", "W.reshape(3, 2)", "W.reshape((3, 2))"],
        # keywords, words, dtypes
        *["torch.sum(W, dim=0)", "torch.sum(W, 0)", "W.sum(dim=1)", "W.sum(dim=(0, 1))", "W.sum(dim=[0, 1])"],
        *["W.sum(0, keepdim=True)", "W.sum(axis=0, keepdims=True)", "torch.sum(input=W, dim=-1)"],
        *["F.mse_loss(v, v * 2, reduction='sum')", 'F.mse_loss(v, v * 2, reduction="none")'],
        *["torch.sum(v, dtype=torch.float64)", "v.sum(dtype=torch.double)", "torch.div(v, 2, rounding_mode='floor')"],
        *["torch.clamp(v, min=0)", "torch.clamp(v, max=2, min=-1)", "torch.clamp(v, -1, 2)", "clamp(v, min=-x)"],
        *["torch.add(v, v, alpha=2)", "sum(v, )", "torch.where(v > 0, v, -v)", "torch.stack([v, v])"],
        *["torch.cat([v, v * 2], dim=0)", "torch.cat((v, v))", "torch.float_power(v, 2)", "v.to(torch.float64)"],
        *["torch.zeros(2, 3)", "torch.zeros((2, 3))", "torch.ones(2, dtype=torch.float64)", "torch.eye(2)"],
        *["torch.full((2,), 1.5)", "torch.linspace(0, 1, 5)", "torch.rand(2, 3)", "torch.randn(3) + torch.rand(3)"],
        # constants
        *["x * pi", "x * e", "x * torch.pi", "x + torch.inf", "x * nan", "x < inf", "x + 2 * pi / 3", "x * True"],
        # white space
        *["  x\t+\t1 ", "x+1", "x  +  1", "sin ( x )", "x . sin ( )", "torch . sin(x)", "sum(W, dim = 0)"],
    ],
)
def test_the_text_means_what_it_means_in_pytorch(text: str) -> None:
    assert_same(evaluate(parse(text), **VARIABLES), in_pytorch(text.strip(), **VARIABLES))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 2, 3.0]", torch.tensor([1, 2, 3.0])),
        ("[1, 2]", torch.tensor([1.0, 2.0])),
        ("[[1, 2], [3, 4]]", torch.tensor([[1.0, 2.0], [3.0, 4.0]])),
        ("[pi/4, -1]", torch.tensor([math.pi / 4, -1])),
        ("[x, 2*x]", torch.stack([X, 2 * X])),
        ("[x, 1]", torch.stack([X, torch.tensor(1.0)])),
        ("[[x, 1], [2, x]]", torch.tensor([[0.75, 1], [2, 0.75]])),
        ("[v, v]", torch.stack([V, V])),
        ("[1, 2, 3] * v", torch.tensor([1.0, 2, 3]) * V),
        ("sum([x, x])", 2 * X),
        ("[1, 2] > 1", torch.tensor([False, True])),
        ("3", torch.tensor(3.0)),
        ("3 > 2", torch.tensor(1.0)),
        ("arange(4)", torch.arange(4, dtype=torch.float32)),
        ("arange(0, 1, 0.25)", torch.arange(0, 1, 0.25)),
        ("full((2,), 1)", torch.ones(2)),
        ("tau + π + τ", torch.tensor(math.tau + math.pi + math.tau)),
    ],
)
def test_a_list_or_number_is_a_tensor_of_the_dtype_of_the_run(text: str, expected: torch.Tensor) -> None:
    assert_same(evaluate(parse(text), **VARIABLES), expected)


def test_a_list_of_variables_passes_the_gradient_on() -> None:
    x = X.clone().requires_grad_()
    evaluate(parse("sum([x, 2*x] * [3, 4])"), x=x).backward()
    assert x.grad == 11


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_lists_and_constructors_take_the_dtype_of_the_run(dtype: torch.dtype) -> None:
    run = Environment(dtype)
    assert [build(parse(text), run)().dtype for text in ("1", "[1, 2]", "arange(3)", "rand(2)")] == [dtype] * 4
    assert build(parse("ones(2, dtype=torch.float32)"), run)().dtype == torch.float32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[("2**10", 1024), ("2**-1", 0.5), ("7//2", 3), ("-7//2", -4), ("-7%3", 2), ("1/4", 0.25), ("1e3", 1000.0)],
        *[("1_000", 1000), (".5", 0.5), ("5.", 5.0), ("1E-2", 0.01), ("-3", -3), ("+3", 3), ("True", True)],
        *[
            ("3 > 2", True),
            ("pi/4", math.pi / 4),
            ("e", math.e),
            ("tau", math.tau),
            ("π", math.pi),
            ("-inf", -math.inf),
        ],
        *[("torch.pi", math.pi), ("torch.inf", math.inf), ("2**63", 2.0**63), ("10**20", 1e20), ("9**9**2", 9.0**81)],
        *[("9223372036854775807", 2**63 - 1), ("9223372036854775808", 2.0**63), ("(1 + 2) * 3", 9), ("--1", 1)],
    ],
)
def test_arithmetic_on_numbers_is_done_as_python_does_it(text: str, expected: float) -> None:
    root = parse_value(text).root
    assert isinstance(root, Number)
    assert (root.value, type(root.value)) == (expected, type(expected))


def tree(node: Node) -> str:
    """The tree with all of its brackets."""
    match node:
        case Number(value=value):
            return str(value)
        case Variable(name=name):
            return name
        case ListOf(items=items):
            return f"[{', '.join(map(tree, items))}]"
        case Unary(operator=operator, operand=operand):
            return f"({operator}{tree(operand)})"
        case Binary(operator=operator, left=left, right=right):
            return f"({tree(left)} {operator} {tree(right)})"
        case Index(value=value, items=items):
            return f"{tree(value)}[{', '.join(map(str, items))}]"
        case Attribute(value=value, name=name):
            return f"{tree(value)}.{name}"
        case Call(function=function, arguments=arguments):
            given = (str(a.value.value) if not isinstance(a.value, Node) else tree(a.value) for a in arguments)
            return f"{function.name}({', '.join(given)})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * c", "(a + (b * c))"),
        ("(a + b) * c", "((a + b) * c)"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b * c", "((a / b) * c)"),
        ("a ** b ** c", "(a ** (b ** c))"),
        ("-a ** b", "(-(a ** b))"),
        ("a ** -b", "(a ** (-b))"),
        ("-a * b", "((-a) * b)"),
        ("a @ b @ c", "((a @ b) @ c)"),
        ("a * b @ c", "((a * b) @ c)"),
        ("a // b % c", "((a // b) % c)"),
        ("a + b < c * d", "((a + b) < (c * d))"),
        ("-a < b", "((-a) < b)"),
        ("a.T[0]", "a.T[0]"),
        ("-a[0] ** 2", "(-(a[0] ** 2))"),
        ("a[1:, -1]", "a[slice(1, None, None), -1]"),
        ("sin(a)**2", "(sin(a) ** 2)"),
        ("a.sum(0)", "sum(a, 0)"),
        ("[a, 1 + 1]", "[a, 2]"),
        ("2 * 3 * a", "(6 * a)"),
        ("a * 2 * 3", "((a * 2) * 3)"),
    ],
)
def test_precedence_is_that_of_python(text: str, expected: str) -> None:
    assert tree(parse(text).root) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y*x + z*y", ("y", "x", "z")),
        ("sum([b, a]) + a", ("b", "a")),
        ("where(c > 0, a, b)", ("c", "a", "b")),
        ("pi * e", ()),
        ("α**2 + Δx", ("α", "Δx")),
        ("日本 + x_1", ("日本", "x_1")),
        ("ｘ + x", ("x",)),  # Python reads FULLWIDTH x as x
        ("ﬁ + fi", ("fi",)),
        ("_a + F", ("_a", "F")),
        ("F.T @ F", ("F",)),
    ],
)
def test_variables_are_the_other_names_in_the_order_of_their_appearance(text: str, expected: tuple[str, ...]) -> None:
    assert parse(text).variables == expected


def test_each_node_knows_its_piece_of_the_text() -> None:
    expression = parse("é*sin(日本 + 1) - [α, x²_][0]".replace("²", "2"))
    pieces = [expression.text(node) for node in postorder(expression.root)]
    assert pieces == [
        *["é", "日本", "1", "日本 + 1", "sin(日本 + 1)", "é*sin(日本 + 1)"],
        *["α", "x2_", "[α, x2_]", "[α, x2_][0]", "é*sin(日本 + 1) - [α, x2_][0]"],
    ]


def test_a_call_knows_the_place_of_its_name() -> None:
    expression = parse("日本 + x . sum(0)")
    assert isinstance(expression.root, Binary)
    call = expression.root.right
    assert isinstance(call, Call)
    assert expression.source[slice(*call.name_span)] == "sum"


@pytest.mark.slow
@pytest.mark.parametrize("terms", [2_000, 2_500])
def test_a_sum_may_have_thousands_of_terms(terms: int) -> None:
    expression = parse("+".join(["x"] * terms))
    x = torch.tensor(1.0, requires_grad=True)
    evaluate(expression, x=x).backward()
    assert x.grad == terms


@pytest.mark.parametrize(
    "text",
    [
        "torch.log(x**2 + y**2)",
        "torch.tan(1 + x**2)",
        "(x - 1.5)**2",
        "torch.sum((torch.relu(W.matmul(v)) - target)**2)",
        "torch.tensor([1,2,3.0,4,5], dtype=torch.float32)",
        "torch.arange(5, 10, dtype=torch.float32)",
        "torch.ones(5, 4, dtype=torch.float32)",
        "torch.rand(3, 4)",
        "torch.tensor(24.)",
        "torch.add(x, y)",
        "torch.sub(x,y)",
        "W.matmul(v)",
    ],
)
def test_text_of_the_notebook_runs_as_it_is(text: str) -> None:
    tensors = {**VARIABLES, "y": torch.tensor(2.0), "target": torch.tensor([1.0, 1.2])}
    assert_same(evaluate(parse(text), **tensors), in_pytorch(text, **tensors))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1, 2, 3", [1.0, 2.0, 3.0]),
        ("[1,2],[3,4]", [[1.0, 2.0], [3.0, 4.0]]),
        ("(1, 2)", [1.0, 2.0]),
        ("pi/4", math.pi / 4),
        ("-1e-3", -1e-3),
        ("zeros(2)", [0.0, 0.0]),
        ("[sin(0), 1]", [0.0, 1.0]),
        ("eye(2)[0] * 3", [3.0, 0.0]),
    ],
)
def test_a_value_is_written_in_the_same_language(text: str, expected: Any) -> None:
    assert_same(evaluate(parse_value(text)), torch.tensor(expected))


def test_random_values_are_those_of_torch_manual_seed() -> None:
    torch.manual_seed(3)
    expected = torch.rand(3, 4)
    before = torch.get_rng_state()
    assert_same(build(parse_value("rand(3, 4)"), Environment(seed=3))(), expected)
    assert torch.equal(torch.get_rng_state(), before)  # PyTorch's own stream is left alone
