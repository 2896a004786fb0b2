"""What people paste: PyTorch's other names and forms, each with PyTorch's own value, gradient and script.

The oracle is Python, which evaluates the same text over ``from torch import *``.
"""

from __future__ import annotations

import inspect
import io
import math
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Run
from test_functions import calls_of, gdcli, parts, variables
from torch.nn import functional as F  # noqa: N812 -- as everybody writes it

from gdcli.lang.constructors import Environment
from gdcli.lang.functions import FUNCTIONS, METHODS, SPELLINGS
from gdcli.lang.functions.elsewhere import SAME
from gdcli.lang.functions.modules import MODULES
from gdcli.lang.nodes import Number
from gdcli.lang.objective import build
from gdcli.lang.parsing import parse
from gdcli.lang.signature import Function

_ALIAS = re.compile(r"(?i)alias (?:for|of) :(?:func|meth):`~?([\w.]+)")


def aliases() -> Iterator[tuple[str, str]]:
    """Every name that PyTorch's own documentation calls an alias of another."""
    modules = {"torch": torch, "torch.special": torch.special, "torch.linalg": torch.linalg, "torch.nn.functional": F}
    for path, module in modules.items():
        for name in dir(module):
            text = getattr(getattr(module, name), "__doc__", None)
            if isinstance(text, str) and (found := _ALIAS.search(text)):
                yield f"{path}.{name}", found[1]


def test_pytorch_names_its_aliases() -> None:
    assert len(list(aliases())) > 40


@pytest.mark.parametrize(("alias", "original"), [pytest.param(*pair, id=pair[0]) for pair in aliases()])
def test_an_alias_of_a_function_is_a_function(alias: str, original: str) -> None:
    if original in SPELLINGS:
        assert alias in SPELLINGS
        assert alias.rpartition(".")[2] in SPELLINGS or alias.count(".") > 1


def leads_to(name: str) -> str:
    """The function of the table that a method of a tensor is documented to be; empty where there is none."""
    found = re.match(r"(?s)[^`]*\bSee :func:`(torch[\w.]*)`", getattr(torch.Tensor, name).__doc__ or "")
    return found[1] if found and found[1] in SPELLINGS else ""


METHOD_NAMES = [name for name in dir(torch.Tensor) if not name.startswith("_") and leads_to(name)]


def test_most_functions_are_methods() -> None:
    assert len(METHOD_NAMES) > 150


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_every_method_that_leads_to_a_function_is_one(name: str) -> None:
    assert name in METHODS  # test_functions.py compares its values


# NumPy and math


def as_numpy(tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def numpys(result: Any) -> torch.Tensor:
    return torch.as_tensor(np.array(result, dtype=np.float64))


IN_NUMPY = [name for name in SAME if name.startswith("np.")]
IN_NUMPYS_WORDS = {  # calls whose arguments NumPy writes in another form
    "np.arange": "np.arange(5)",
    "np.array": "np.array([1, 2.5])",
    "np.asarray": "np.asarray([1, 2.5])",
    "np.einsum": "np.einsum('ij,jk->ik', A, B)",
    "np.expand_dims": "np.expand_dims(x, 1)",
    "np.full": "np.full((2, 3), 0.1)",
    "np.ldexp": "np.ldexp(p, 2)",
    "np.linalg.norm": "np.linalg.norm(A)",
    "np.linalg.solve": "np.linalg.solve(A, B)",
    "np.ones": "np.ones((2, 3))",
    "np.repeat": "np.repeat(x, 2)",
    "np.squeeze": "np.squeeze(np.reshape(x, (5, 1)))",
    "np.take_along_axis": "np.take_along_axis(x, np.argsort(x), 0)",
    "np.tensordot": "np.tensordot(A, B)",
    "np.tile": "np.tile(A, 2)",
    "np.vander": "np.vander(x)",
    "np.zeros": "np.zeros((2, 3))",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("spelling", IN_NUMPY)
def test_a_function_of_numpy_means_the_same(spelling: str) -> None:
    own = IN_NUMPYS_WORDS.get(spelling)
    calls = [own] if own else calls_of(SPELLINGS[spelling])
    compared = 0
    for text in calls if own else [text.replace(text.partition("(")[0], spelling, 1) for text in calls]:
        tensors = variables(0)
        try:
            expected = eval(text.replace("trapz", "trapezoid"), {"np": np}, as_numpy(tensors))
        except (TypeError, ValueError, AttributeError, NameError, np.exceptions.AxisError):
            continue  # arguments of PyTorch's own
        actual = gdcli(text, tensors)
        pairs = zip(parts(actual), expected, strict=True) if isinstance(expected, tuple) else [(actual, expected)]
        for mine, numpy_has in pairs:
            torch.testing.assert_close(mine.double(), numpys(numpy_has), rtol=1e-12, atol=1e-12, equal_nan=True)
        compared += 1
    assert compared, f"write a call of {spelling}"


@pytest.mark.parametrize("spelling", [name for name in SAME if name.startswith("math.")])
def test_a_function_of_math_means_the_same(spelling: str) -> None:
    count = sum(p.required for p in SPELLINGS[spelling].parameters)
    for values in ((1.25, 2), (0.5, 3), (2.75, 1)):
        given = ", ".join(map(str, values[:count]))
        try:
            expected = float(eval(f"{spelling}({given})", {"math": math}))
        except ValueError:  # outside of its domain
            continue
        of_tensors = ", ".join(f"tensor({value})" for value in values[:count])
        assert float(gdcli(f"{spelling}({of_tensors})", {})) == pytest.approx(expected, rel=1e-14)
        root = parse(f"{spelling}({given})").root
        assert isinstance(root, Number)
        assert float(root.value) == expected


WRITTEN = {"math": math, "np": np, "numpy": np, "F": F, "nn": torch.nn, "torch": torch, "special": torch.special}


def in_pytorch(text: str, tensors: dict[str, torch.Tensor]) -> Any:
    """What Python makes of the text over ``from torch import *``."""
    builtin = {"float": float, "len": len}
    torch.set_default_dtype(next(iter(tensors.values())).dtype)  # constructors take the dtype of the run
    try:
        return eval(text, {**vars(torch), **WRITTEN, **builtin}, tensors)
    finally:
        torch.set_default_dtype(torch.float32)


def points(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Variables of several shapes."""
    generator = torch.Generator().manual_seed(1)
    shapes = {"x": (5,), "y": (5,), "A": (3, 4), "B": (2, 3, 4), "s": (), "w": (4,)}
    return {name: (torch.randn(shape, generator=generator) + 0.25).to(dtype) for name, shape in shapes.items()}


def assert_same_as_pytorch(text: str, dtype: torch.dtype) -> None:
    """The bits of the value, and of the gradient of a generic sum of it."""
    ours, theirs = points(dtype), points(dtype)
    for tensor in (*ours.values(), *theirs.values()):
        tensor.requires_grad_()
    function = build(parse(text), Environment(dtype), ours)
    actual = function(*(ours[name] for name in function.variables))
    expected = torch.as_tensor(in_pytorch(text, theirs))
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)
    assert actual.requires_grad == expected.requires_grad
    if not actual.requires_grad:
        return
    for result in (actual, expected):
        (result * torch.arange(1, 1 + result.numel()).reshape(result.shape)).sum().backward()
    for name in function.variables:
        mine, own = ours[name].grad, theirs[name].grad
        assert (mine is None) == (own is None)
        torch.testing.assert_close(mine, own, rtol=0, atol=0, equal_nan=True) if mine is not None else None


def assert_script_prints_the_same(run: Run, text: str, tmp_path: Path) -> None:
    """The script of ``--code`` runs, and prints the numbers that gdcli shows."""
    tensors = points(torch.float32)
    words = [w for name in parse(text).variables for w in (f"--{name}", str(tensors[name].tolist()))]
    script = run("ops", text, *words, "--code").out
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(script, str(tmp_path), "exec"), {})
    row = run("ops", text, *words, "--json").json()["rows"][0]
    shown = printed.getvalue().rstrip("\n").split("\t")
    assert eval(re.sub("-?inf|nan", "None", shown[1])) == row["value"]
    assert shown[2:] == [f"torch.{row['dtype']}", str(tuple(row["shape"]))]


DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)

NUMBERS = [
    *["0x10 * x", "0b1 + x", "0o17 * x", "x * 1_000", "0xFF_FF * x", "x * float('inf')", "x < float('inf')"],
    *["x + float('-1.5')", "x * math.pi", "x * np.pi", "x * numpy.e", "x * math.e", "x * math.tau", "x < math.inf"],
    *["x * torch.pi", "x / math.sqrt(2)", "x / np.sqrt(2)", "2 * math.sqrt(2) * math.pi * x", "x ** math.floor(2.5)"],
    *["x * math.exp(-1)", "x / math.hypot(3, 4)", "x * float('nan')", "torch.einsum('ij,j->i', A, w)"],
    *["torch.einsum('bij,ij->b', B, A)", "torch.einsum('i,j', x, y)", "torch.einsum('...j,j->...', B, w)"],
    *["torch.einsum('ij->ji', [A])", "einsum('i,i->', x, x)"],
]


@DTYPES
@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_and_constants_are_pythons(text: str, dtype: torch.dtype) -> None:
    assert_same_as_pytorch(text, dtype)


@pytest.mark.parametrize("text", NUMBERS)
def test_the_script_of_numbers_and_constants(run: Run, text: str, tmp_path: Path) -> None:
    assert_script_prints_the_same(run, text, tmp_path)


SIZES = [
    *["A.dim() * A", "A.size(0) * A", "A.size(dim=1) * A", "torch.numel(A) * A", "len(A) * A"],
    *["x.nelement() * x", "A.ndimension() * x", "x * (len(x) - 1) / len(x)", "A.reshape(A.size(0), -1)"],
    *["A.view(A.shape[1], A.shape[0])", "torch.zeros(A.shape) * A", "torch.ones(len(x)) * x"],
    *["x.expand(3, len(x))", "A.sum(dim=A.ndim - 1)", "torch.broadcast_to(x, (2, len(x)))"],
    *["x.view(B.shape[0] - 1, -1)", "A.flatten(0, A.dim() - 1)", "x ** x.ndim"],
]


@DTYPES
@pytest.mark.parametrize("text", SIZES)
def test_sizes_are_whole_numbers(text: str, dtype: torch.dtype) -> None:
    assert_same_as_pytorch(text, dtype)


@pytest.mark.parametrize("text", SIZES)
def test_the_script_of_sizes(run: Run, text: str, tmp_path: Path) -> None:
    assert_script_prints_the_same(run, text, tmp_path)


@pytest.mark.parametrize(
    ("text", "value"), [("len(x)", 5), ("A.shape", [3, 4]), ("A.size()", [3, 4]), ("A.shape[1] * 2", 8), ("B.ndim", 3)]
)
def test_a_size_is_a_whole_number_as_a_result(run: Run, text: str, value: Any, tmp_path: Path) -> None:
    function = build(parse(text), Environment(), points(torch.float32))
    result = function(*(points(torch.float32)[name] for name in function.variables))
    assert (result.dtype, result.tolist()) == (torch.int64, value)
    assert_script_prints_the_same(run, text, tmp_path)


@pytest.mark.parametrize("row", [row for row in FUNCTIONS.values() if row.form == "size"], ids=lambda row: row.name)
def test_a_function_of_sizes_is_in_the_table(row: Function) -> None:
    assert row.method == hasattr(torch.Tensor, row.name)
    assert row.help
    assert gdcli(row.example, {}).dtype == torch.int64


def test_a_size_becomes_a_tensor_where_a_function_needs_one() -> None:
    assert float(gdcli("sqrt(len(x))", variables(0))) == math.sqrt(5)
    assert gdcli("[len(x), 1]", variables(0)).tolist() == [5, 1]


INDICES = [
    *["x[x > 0]", "A[A > 0.25]", "A[A[:, 0] > 0]", "A[x[:3] > 0, 1]", "x[[0, 2]]", "x[[0, 0, 3]]"],
    *["A[[0, 2], [1, 3]]", "x[len(x) - 1]", "x[:len(x) // 2]", "x[x.argmax()]", "x[torch.argsort(y)]"],
    *["A[torch.argmax(A, 0), 1]", "x[...]", "x[:, None] * y[None, :]", "x[:, np.newaxis]"],
    *["A[None, ..., None]", "x[[True, False, True, False, True]]", "sum(A[A > 0])", "x[-len(x):]"],
    *["x[::A.ndim]", "x[A.size(0) - 1]"],
]


@DTYPES
@pytest.mark.parametrize("text", INDICES)
def test_indices_are_pytorchs(text: str, dtype: torch.dtype) -> None:
    assert_same_as_pytorch(text, dtype)


@pytest.mark.parametrize("text", INDICES)
def test_the_script_of_indices(run: Run, text: str, tmp_path: Path) -> None:
    assert_script_prints_the_same(run, text, tmp_path)


@pytest.mark.parametrize(
    "text",
    ["sum(x[x > 0.5]**2)/len(x)", "sum(x[[0, 0, 2]]**3)", "sum(x[:, None]*x[None])/x.shape[0]", "sum(x[..., None]**2)"],
)
def test_a_check_of_sizes_and_indices_agrees(run: Run, text: str) -> None:
    record = run("grad", text, "--x", "1.25,-2,3", "--check", "--explain", "--json").json()
    assert {row["verdict"] for row in record["check"]["rows"]} == {"agree"}


def test_formulas_know_the_sizes(run: Run) -> None:
    record = run("grad", "x**2/x.numel() + x*len([1, 2, 3])", "--x", "2", "--symbolic", "--json").json()
    assert record["derivatives"][0]["formula"] == "2*x + 3"


@pytest.mark.parametrize(
    "text",
    ["x.repeat(len(x)*10**9)", "zeros(len(x)*10**9) + sum(x)", "x[x > 0].repeat(10**9)", "arange(x[0]*10**12)",
     "(x[x > 0] + ones(7)).repeat(10**9)", "x[:1].expand(10**6, len(x)*10**3) + 1", "eye(len(x)*10**5) * sum(x)"],
)  # fmt: skip
def test_sizes_that_are_known_late_are_limited(run: Run, text: str) -> None:
    error = run("ops", text, "--x", "1,2,3", "--json").json()["rows"][0]["error"]
    assert error["code"] == "limit"


@pytest.mark.parametrize("text", ["len(x)**len(x)**len(x)**9", "2**(len(x)*10**9)*x"])
def test_arithmetic_of_sizes_is_bounded(run: Run, text: str) -> None:
    assert run("ops", text, "--x", "1,2,3", "--json").json()["rows"][0]["error"]["message"] == (
        "this number exceeds the largest float, about 1.8e308"
    )


def test_the_names_of_a_program_may_be_sizes(run: Run) -> None:
    program = "X = torch.ones(6, 2)\nn, d = X.shape\nw = torch.zeros(2, requires_grad=True)\nm = X.size(0)\nd\n"
    program += "loss = sum((X @ w - 1)**2)/(2*m) + n\ni = 1\nloss = loss + w[i]"
    record = run("grad", program, "--json").json()
    assert record["value"] == 6.5
    assert record["grads"]["w"] == [-1.0, 0.0]


# Whole numbers that stay whole, and numbers that are variables

WHOLE = [
    *["F.cross_entropy(A, torch.tensor([2, 0, 1]))", "F.nll_loss(A, torch.tensor([2, 0, 3]))"],
    *["A[torch.tensor([0, 0])]", "A.gather(1, torch.tensor([[0], [1], [3]]))"],
    *["torch.index_select(A, 1, torch.tensor([2]))", "A[torch.tensor(1)]"],
    *["torch.take(A, torch.tensor([2, 5]))", "x.scatter(0, torch.tensor([1]), 2.5)"],
    *["A[torch.arange(3), torch.arange(3)]", "F.embedding(torch.tensor([1, 0, 1]), A)"],
    *["x.index_add(0, torch.tensor([0, 0]), y[:2])", "x[torch.tensor([3]) - 1]"],
    *["x.scatter_add(0, torch.tensor([0, 0]), y[:2])", "A[torch.tensor([True, False, True])]"],
    *["A[:, torch.tensor([1, 1])]", "x * F.one_hot(torch.tensor([2]), 5)[0]"],
    *["torch.take_along_dim(x, torch.tensor([4, 0]), 0)"],
]


@DTYPES
@pytest.mark.parametrize("text", WHOLE)
def test_whole_numbers_stay_whole_where_they_must(text: str, dtype: torch.dtype) -> None:
    assert_same_as_pytorch(text, dtype)


@pytest.mark.parametrize("text", WHOLE)
def test_the_script_of_whole_numbers(run: Run, text: str, tmp_path: Path) -> None:
    assert_script_prints_the_same(run, text, tmp_path)


def test_the_same_literal_is_a_float_elsewhere() -> None:
    assert gdcli("torch.tensor([1, 2])", {}).dtype == torch.float64


CLASSES = """
labels = torch.tensor([0, 2])
W = torch.tensor([[1., 2., 3.], [3., 1., 0.5]], requires_grad=True)
loss = F.cross_entropy(W, labels)
"""


def in_torch_itself(labels: list[int]) -> tuple[float, list[list[float]]]:
    W = torch.tensor([[1.0, 2.0, 3.0], [3.0, 1.0, 0.5]], requires_grad=True)
    loss = F.cross_entropy(W, torch.tensor(labels))
    loss.backward()
    assert W.grad is not None
    return loss.item(), W.grad.tolist()


@pytest.mark.parametrize(("words", "labels"), [((), [0, 2]), (("--labels", "1,1"), [1, 1])])
def test_a_name_of_a_program_may_be_class_labels(run: Run, words: tuple[str, ...], labels: list[int]) -> None:
    record = run("grad", CLASSES, *words, "--json").json()
    assert (record["value"], record["grads"]["W"]) == in_torch_itself(labels)
    assert record["values"]["labels"] == labels


def test_labels_do_not_move(run: Run) -> None:
    record = run("grad", CLASSES.replace(", requires_grad=True", ""), "--json").json()
    assert record["settings"]["wrt"] == ["W"]
    assert run("grad", "sum(x[i]**2)", "--x", "1,2,3", "--i", "2,0", "--json").json()["grads"]["x"] == [2.0, 0.0, 6.0]


def test_an_index_that_is_no_whole_number_is_told(run: Run) -> None:
    assert run("grad", "sum(x[i])", "--x", "1,2,3", "--i", "1.5").err.endswith(
        "hint: indices are whole numbers: write long(i)\n"
    )


OF_A_VARIABLE = [
    *["F.softplus(x, beta=s)", "torch.add(x, y, alpha=s)", "F.leaky_relu(x, s)", "F.elu(x, alpha=s)"],
    *["x.norm(p=s)", "F.huber_loss(x, y, delta=s)", "F.smooth_l1_loss(x, y, beta=s)"],
    *["torch.addcmul(x, y, y, value=s)", "x.std(correction=s)", "torch.full((2,), s)"],
    *["F.celu(x, alpha=len(x))", "torch.dist(x, y, s)", "F.threshold(x, s, 0)"],
]


@DTYPES
@pytest.mark.parametrize("text", OF_A_VARIABLE)
def test_a_number_may_be_a_variable_that_stays(text: str, dtype: torch.dtype) -> None:
    tensors = {name: t.abs().clamp(0.25) if name == "s" else t.requires_grad_() for name, t in points(dtype).items()}
    function = build(parse(text), Environment(dtype), tensors)
    actual = function(*(tensors[name] for name in function.variables))
    expected = in_pytorch(text, tensors)
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)
    assert actual.requires_grad == expected.requires_grad


def test_a_number_that_moves_is_refused_at_its_place(run: Run) -> None:
    assert run("grad", "sum(softplus(x, beta=b))", "--x", "1,2", "--b", "2").err == (
        "error: PyTorch reports: softplus(): argument 'beta' must be Number, not Tensor\n"
        "  sum(softplus(x, beta=b))\n      ^^^^^^^^^^^^^^^^^^^\n"
        "hint: 'beta' is a plain number, or a tensor of one number without a gradient: write detach(b)\n"
    )


WORDS = [
    *["torch.norm(A, 'fro')", "A.norm(p='fro')", "torch.linalg.norm(A, 'nuc')"],
    *["torch.linalg.matrix_norm(A, ord='nuc')", "F.mse_loss(x, y, reduction='none')"],
    *["F.mse_loss(x, y, reduction='sum')", "torch.linalg.cond(A[:, :3].detach(), 'fro')"],
    *["torch.norm(A, 'nuc')", "A.norm('fro', dim=1)"],
]


@pytest.mark.parametrize("text", WORDS)
def test_words_are_pytorchs(run: Run, text: str, tmp_path: Path) -> None:
    assert_same_as_pytorch(text, torch.float32)
    assert_script_prints_the_same(run, text, tmp_path)


# Modules of torch.nn

CALLED = {  # what they are made with, and what they are called with
    "AvgPool1d": ("2", "A"),
    "AvgPool2d": ("2, 1", "B"),
    "BCELoss": ("reduction='sum'", "sigmoid(x), sigmoid(y)"),
    "CosineEmbeddingLoss": ("0.1", "A, 2 * A, sign(x[:3])"),
    "CrossEntropyLoss": ("label_smoothing=0.1", "A, torch.tensor([0, 3, 1])"),
    "ELU": ("0.5", "x"),
    "GELU": ("'tanh'", "x"),
    "GLU": ("dim=0", "x[:4]"),
    "GaussianNLLLoss": ("full=True", "x, y, exp(y)"),
    "Hardshrink": ("0.3", "x"),
    "Hardtanh": ("-0.5, 0.75", "x"),
    "HingeEmbeddingLoss": ("2.0", "x, sign(y)"),
    "HuberLoss": ("'sum', 0.5", "x, y"),
    "KLDivLoss": ("reduction='batchmean'", "log_softmax(A, 1), softmax(A * 2, 1)"),
    "LeakyReLU": ("0.1", "x"),
    "LogSoftmax": ("1", "A"),
    "MarginRankingLoss": ("0.5", "x, y, sign(x)"),
    "MaxPool1d": ("2", "A"),
    "MaxPool2d": ("kernel_size=2", "B"),
    "NLLLoss": ("", "log_softmax(A, 1), torch.tensor([0, 3, 1])"),
    "PairwiseDistance": ("1.0", "A, 2 * A"),
    "PoissonNLLLoss": ("log_input=False", "exp(x), exp(y)"),
    "SmoothL1Loss": ("beta=0.5", "x, y"),
    "SoftMarginLoss": ("", "x, torch.sign(y.detach())"),
    "Softmax": ("dim=1", "A"),
    "Softmin": ("0", "A"),
    "Softplus": ("2, 5", "x"),
    "Softshrink": ("0.25", "x"),
    "Threshold": ("0.1, 20", "x"),
    "TripletMarginLoss": ("0.5, 1", "A, 2 * A, A - 1"),
}
OF_TWO = ("BCEWithLogitsLoss", "CosineSimilarity", "L1Loss", "MSELoss")
OF_MODULES = {
    name: f"{name}({made})({called})"
    for name in MODULES
    if name.startswith("nn.")
    for made, called in [CALLED.get(name[3:], ("", "A, 2 * A" if name[3:] in OF_TWO else "x"))]
}


@pytest.mark.parametrize("text", OF_MODULES.values(), ids=list(OF_MODULES))
@pytest.mark.filterwarnings("ignore")
def test_a_module_without_parameters_is_pytorchs(run: Run, text: str, tmp_path: Path) -> None:
    for dtype in (torch.float32, torch.float64):
        assert_same_as_pytorch(text, dtype)
    assert_script_prints_the_same(run, text, tmp_path)


def test_modules_have_no_parameters_and_the_defaults_of_their_functions() -> None:
    for name, text in OF_MODULES.items():
        module = eval(text[: text.index(")(") + 1], {"nn": torch.nn})
        assert not list(module.parameters()), name
        row = FUNCTIONS[MODULES[name].function]
        made = inspect.signature(type(module).__init__).parameters
        taken = [p for p in made if p in {parameter.name for parameter in row.parameters}]
        assert {*MODULES[name].by_position, *MODULES[name].by_name} <= set(taken)


CELL = """
import torch.nn as nn
criterion = nn.MSELoss(reduction='sum')
act = nn.LeakyReLU(0.25)
x = torch.tensor([1., -2.], requires_grad=True)
loss = criterion(act(x), torch.tensor([1., 1.]))
loss.backward()
"""


def test_a_name_of_a_program_may_be_a_module(run: Run) -> None:
    record = run("grad", CELL, "--json").json()
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    loss = torch.nn.MSELoss(reduction="sum")(torch.nn.LeakyReLU(0.25)(x), torch.ones(2))
    loss.backward()
    assert x.grad is not None
    assert (record["value"], record["grads"]["x"]) == (loss.item(), x.grad.tolist())


def test_the_list_of_functions_names_the_module(run: Run) -> None:
    assert "nn.LeakyReLU()" in run("functions", "leaky_relu").out


OLD_TENSORS = [
    *["torch.Tensor([1., 2.]) * x[:2]", "torch.FloatTensor([[1, 2]]) * s", "x[torch.LongTensor([0, 0])]"],
    *["x * torch.DoubleTensor([1.1])", "A[torch.BoolTensor([True, False, True])]", "x.clone()", "x.detach() * x"],
    *["x.to(torch.float64)", "x.float()", "x.double()", "x.pow(2).sum()", "x.unsqueeze(-1)", "A.t().contiguous()"],
    *["torch.nn.functional.mse_loss(x, y)", "A.mm(A.t())", "x.bfloat16()", "x.type_as(A)", "A[0].expand_as(A)"],
    *["x.where(x > 0, 2 * y)", "A.abs().polygamma(1)", "x.where(condition=x > 0, other=y)", "A.swapdims(0, 1)"],
]


@pytest.mark.parametrize("text", OLD_TENSORS)
def test_other_forms_of_a_notebook_are_pytorchs(run: Run, text: str, tmp_path: Path) -> None:
    assert_same_as_pytorch(text, torch.float32)
    assert_script_prints_the_same(run, text, tmp_path)


# Hints that led into the mistake

PAIRS = (
    "y - t has shape (3, 3), because (3, 1) and (3,) broadcast to all pairs; "
    "flatten the column (.flatten()) to compare element by element"
)
COLUMN = ("--y", "[[1], [2], [3]]", "--t", "1,2,3")


def test_a_column_against_a_vector_is_told_by_grad_and_minimize_alike(run: Run) -> None:
    record = run("grad", "mean((y - t)**2)", *COLUMN, "--json").json()
    assert [w["message"] for w in record["warnings"] if w["code"] == "broadcast"] == [PAIRS]
    record = run("minimize", "mean((y - t)**2)", *COLUMN, "--wrt", "y", "--steps", "3", "--json").json()
    assert [f["message"] for f in record["diagnosis"] if f["code"] == "broadcast"] == [PAIRS]


def test_it_is_told_where_a_shape_is_known_only_from_an_evaluation(run: Run) -> None:
    words = ("--X", "[[1], [2], [3]]", "--w", "[[1]]", "--t", "1,2,3")
    record = run("grad", "mean((F.linear(X, w) - t)**2)", *words, "--json").json()
    assert [w["code"] for w in record["warnings"]] == ["broadcast"]


@pytest.mark.parametrize("text", ["sum((x[:, None] - x)**2)", "sum((x.unsqueeze(1) - x)**2)", "sum(outer(x, x) - x)"])
def test_all_pairs_that_are_meant_are_not_told(run: Run, text: str) -> None:
    assert run("grad", text, "--x", "1,2,3", "--json").json()["warnings"] == []
