"""``grad --explain``: the tape, against the same graph built by hand in PyTorch."""

from __future__ import annotations

import pytest
import torch

import gdcli
from gdcli.contract.grad import TapeNode
from gdcli.explain.tape import Tape
from gdcli.lang.constructors import Environment
from gdcli.lang.functions import FUNCTIONS
from gdcli.lang.objective import build
from gdcli.lang.parsing import parse
from gdcli.lang.signature import Function
from gdcli.tensors import Problem
from tests import test_functions
from tests.conftest import Run


def tape(expression: str, **values: object) -> list[TapeNode]:
    wrt = values.pop("wrt", ())
    record = gdcli.grad(expression, values, wrt=wrt, settings={"explain": True})  # type: ignore[arg-type]
    assert isinstance(record.tape, list)
    return record.tape


def by_text(nodes: list[TapeNode]) -> dict[str, TapeNode]:
    return {node.text: node for node in nodes}


def test_notebook_derivative_node_by_node() -> None:
    nodes = tape("log(x**2+y**2)", x=15, y=24)
    assert [(n.text, n.parent, n.kind, n.op, n.grad_fn) for n in nodes] == [
        ("log(x**2+y**2)", None, "operation", "log", "LogBackward0"),
        ("x**2+y**2", 0, "operation", "add", "AddBackward0"),
        ("x**2", 1, "operation", "pow", "PowBackward0"),
        ("x", 2, "variable", "x", None),
        ("y**2", 1, "operation", "pow", "PowBackward0"),
        ("y", 4, "variable", "y", None),
    ]
    found = by_text(nodes)
    assert [found[t].value for t in ("x**2", "y**2", "x**2+y**2")] == [225.0, 576.0, 801.0]
    assert found["x**2+y**2"].local == pytest.approx(1 / 801, rel=1e-6)
    assert (found["x"].local, found["y"].local) == (30.0, 48.0)
    assert found["x"].grad == pytest.approx(0.0374532, rel=1e-5)
    assert found["y"].grad == pytest.approx(0.0599251, rel=1e-5)


def test_every_number_is_that_of_the_graph_built_by_hand() -> None:
    x = torch.tensor([0.5, -1.0, 2.0], requires_grad=True)
    s = torch.tensor(3.0, requires_grad=True)
    product = x * s
    activated = torch.relu(product)
    squared = (activated - 1) ** 2
    total = torch.sum(squared)
    for tensor in (product, activated, squared):
        tensor.retain_grad()
    total.backward()
    found = by_text(tape("sum((relu(x * s) - 1)**2)", x=[0.5, -1.0, 2.0], s=3.0))
    hand = {
        "x * s": product,
        "relu(x * s)": activated,
        "(relu(x * s) - 1)**2": squared,
        "x": x,
        "s": s,
    }
    for text, tensor in hand.items():
        assert found[text].value == tensor.tolist(), text
        assert found[text].grad == tensor.grad.tolist(), text
    assert found["x"].local == [3.0, 3.0, 3.0]
    assert found["s"].local == x.sum().item()
    assert found["s"].note == "broadcast to (3,), so its gradient is summed over dim 0"
    assert found["relu(x * s)"].note == "held at a bound for 1 of 3 elements: no gradient flows through them"


def test_contributions_of_a_variable_add_up_to_its_gradient() -> None:
    expression = "x*x + x*sin(x) - x/3"
    nodes = tape(expression, x=1.7)
    contributions = [node.grad for node in nodes if node.kind == "variable"]
    assert len(contributions) == 5
    assert sum(contributions) == pytest.approx(gdcli.grad(expression, x=1.7).grads["x"], rel=1e-6)


@pytest.mark.parametrize("expression", ["x*x + x", "x*sin(x) + exp(x*x) - x/3 + x**3", "sum([x, x, x]**2)"])
def test_the_explained_run_has_the_value_of_the_plain_one(expression: str) -> None:
    plain = gdcli.grad(expression, x=0.7)
    explained = gdcli.grad(expression, x=0.7, settings={"explain": True})
    assert explained.value == plain.value
    assert explained.grads["x"] == pytest.approx(plain.grads["x"], rel=3e-7)


def test_a_variable_outside_wrt_has_no_gradient_and_says_why() -> None:
    node = by_text(tape("x*y", x=2, y=3, wrt=["x"]))["y"]
    assert (node.grad, node.local, node.note) == (None, None, "requires_grad is False: autograd does not track it")


def test_where_no_gradient_flows_is_marked() -> None:
    found = by_text(tape("sum(where(x > 1, floor(x), x**2))", x=[0.5, 2.5]))
    assert found["x > 1"].note == "boolean: no gradient flows through a comparison"
    assert (found["x > 1"].dtype, found["x > 1"].grad) == ("bool", None)
    assert found["floor(x)"].note == "piecewise constant: the gradient is zero"


@pytest.mark.parametrize("name", ["maximum", "minimum", "fmax", "fmin"])
def test_ties_share_the_gradient_where_pytorch_shares_it(name: str) -> None:
    note = by_text(tape(f"2*{name}(x, y)", x=1.0, y=1.0))[f"{name}(x, y)"].note
    x, y = torch.ones((), requires_grad=True), torch.ones((), requires_grad=True)
    getattr(torch, name)(x, y).backward()
    assert note.endswith("ties share it") == (x.grad == y.grad)


def test_a_pair_of_values_and_indices_is_a_node() -> None:
    found = by_text(tape("sum(max(x, 0)[0])", x=[[1, 5], [3, 2]]))
    assert found["max(x, 0)"].value is None
    assert found["max(x, 0)"].note == "a pair of values and indices: gradients flow through the values only"
    assert found["x"].grad == [[0.0, 1.0], [1.0, 0.0]]


def test_indexing_says_that_the_others_get_nothing() -> None:
    found = by_text(tape("x[0]**2 + sum(x[1:])", x=[2, 3, 4]))
    assert found["x[0]"].note == "selects 1 of 3 elements: the others get a gradient of 0"


def test_broadcasting_of_a_matrix_names_the_dimension() -> None:
    found = by_text(tape("sum(W * b)", W="ones(2, 3)", b="ones(2, 1)"))
    assert found["b"].note == "broadcast to (2, 3), so its gradient is summed over dim 1"
    assert found["b"].grad == [[3.0], [3.0]]


def test_large_tensors_show_their_norm_instead_of_their_numbers() -> None:
    node = by_text(tape("sum(x**2)", x="ones(2000)"))["x"]
    assert (node.value, node.grad) == (None, None)
    assert node.norm == pytest.approx(2000**0.5)
    assert node.grad_norm == pytest.approx(2 * 2000**0.5)


def test_a_constant_part_is_one_node() -> None:
    found = by_text(tape("sum((x - [1, 2]*3)**2)", x=[0, 0]))
    assert (found["[1, 2]*3"].kind, found["[1, 2]*3"].value) == ("constant", [3.0, 6.0])


@pytest.mark.slow
def test_two_hundred_nodes() -> None:
    nodes = tape(" + ".join(f"sin({i}*x)" for i in range(1, 67)), x=0.3)
    assert len(nodes) == 66 * 3 + 65
    assert nodes[0].value == pytest.approx(sum(torch.sin(torch.tensor(0.3 * i)).item() for i in range(1, 67)), rel=1e-4)


def wrapped(text: str, function: Function) -> str:
    """A call from the table of functions made a number that depends on x."""
    result = test_functions.gdcli(text, test_functions.variables(0))
    part = text if isinstance(result, torch.Tensor) else f"({text})[0]"
    # What PyTorch has no derivative of is looked at from outside the graph.
    return f"sum(x) + sum({part})" if not function.gradient else f"sum(x) + sum(detach({part}))"


def rules_hold(nodes: list[TapeNode], tensors: dict[str, torch.Tensor]) -> None:
    """Every printed rule gives the number beside it."""
    for node in nodes:
        if node.rule:
            parsed = parse(node.rule)
            plain = {key: tensors[key].detach() for key in parsed.variables}
            value = build(parsed, Environment(torch.float64), plain)(*plain.values()).double()
            local = torch.tensor(node.local, dtype=torch.float64)
            torch.testing.assert_close(value.broadcast_to(local.shape), local, rtol=1e-6, atol=1e-9)


# What has no simple rule: the rest of the table of functions has one for every argument that is tracked.
WITHOUT_RULE = {
    "polygamma(1, u)", "mvlgamma(u, 2)", "div(x, u, rounding_mode='floor')", "logit(p, 0.2)",
    "gelu(x, approximate='tanh')", "softplus(x, 2, 1)",
}  # fmt: skip
WITH_RULE = ["sum(x)", "mean(x)", "mean(A, 1)", "prod(x)", "norm(x)", "dist(x, y)", "logsumexp(A, 1)", "max(x)",
             "amin(A)", "var(x)", "std(x)", "mse_loss(x, y)", "l1_loss(x, y)", "huber_loss(x, y)",
             "smooth_l1_loss(x, y)",
             "reshape(A, (1, -1))", "transpose(A, 0, 1)", "stack([x, y])", "A.T", "-x", "x + y", "x - y", "x*y", "x/u",
             "u**y", "u**2", "u**0.5", "u**-1", "2**x", "3*x", "x/3", "[x[0], x[1]]", "dot(x, y)", "max(x, y)",
             "x % u", "binary_cross_entropy_with_logits(x, q)"]  # fmt: skip


def elementwise_calls() -> list[str]:
    rows = [row for row in FUNCTIONS.values() if "elementwise" in row.facts and not row.gradient]
    calls = [text for row in rows if row.form == "pure" for text in test_functions.calls_of(row)]
    return [text for text in calls if set(parse(text).variables) - set(test_functions.CONSTANTS)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # remarks of PyTorch itself
@pytest.mark.parametrize("text", dict.fromkeys([*WITH_RULE, *elementwise_calls()]))
def test_every_elementwise_function_has_its_rule_in_symbols(text: str) -> None:
    expression = parse(f"sum(exp(x) * 2) + sum({text})")
    tracked = test_functions.tracked(0)
    tensors = {key: tracked[key] for key in expression.variables}
    wrt = tuple(key for key, value in tensors.items() if value.requires_grad)
    problem = Problem(build(expression, Environment(torch.float64), tensors), Environment(torch.float64), tensors, wrt)
    nodes = Tape(problem).nodes()
    rules_hold(nodes, tensors)
    call = [node for node in nodes if node.text == text][-1]
    below = [node for node in nodes if node.parent == call.id and node.local is not None]
    assert below
    assert [node.text for node in below if not node.rule] == ([n.text for n in below] if text in WITHOUT_RULE else [])


SYMBOLS = [
    ("x**2", {"x": 15}, "x", "2*x"),
    ("x**3", {"x": 2}, "x", "3*x**2"),
    ("x**-1", {"x": 2}, "x", "-x**(-2)"),
    ("x**0.5", {"x": 2}, "x", "0.5*x**(-0.5)"),
    ("x**y", {"x": 2, "y": 3}, "y", "(x**y)*log(x)"),
    ("log(x*y)", {"x": 2, "y": 3}, "x*y", "1/(x*y)"),
    ("sin(x + 1)", {"x": 2}, "x + 1", "cos(x + 1)"),
    ("x/y", {"x": 2, "y": 3}, "y", "-x/y**2"),
    ("3 - x", {"x": 2}, "x", "-1"),
    ("torch.exp(-x)", {"x": 2}, "-x", "exp(-x)"),
    ("x.tanh()", {"x": 2}, "x", "1 - tanh(x)**2"),
    ("sum(x*s)", {"x": [1, 2], "s": 3}, "s", "sum(x)"),
    ("sum(x + s)", {"x": [1, 2], "s": 3}, "s", "2"),
    ("sum(W*b)", {"W": "ones(2, 3)", "b": [1, 2, 3]}, "b", "sum(W, 0)"),
    ("sum(W*b)", {"W": "ones(2, 3)", "b": "ones(2, 1)"}, "b", "sum(W, 1, True)"),
    ("mean((x - 1)**2)", {"x": [1, 2]}, "(x - 1)**2", "1/2"),
    ("mse_loss(x, [0, 0])", {"x": [1, 2]}, "x", "(2*(x - [0, 0]))/2"),
    ("relu(x)", {"x": 2}, "x", "where(x > 0, 1, 0)"),
    ("maximum(x, y)", {"x": 1, "y": 1}, "x", ""),  # a tie: PyTorch gives each a half
    ("max(x)", {"x": [1, 1]}, "x", ""),
    ("sum(W @ x)", {"W": "ones(2, 2)", "x": [1, 2]}, "x", ""),
    ("x*sum(rand(3))", {"x": 1}, "x", ""),  # it would draw other numbers
]


@pytest.mark.parametrize(("expression", "values", "text", "rule"), SYMBOLS)
def test_rule_in_symbols(expression: str, values: dict[str, object], text: str, rule: str) -> None:
    assert by_text(tape(expression, **values))[text].rule == rule


def test_rule_stands_before_its_number(run: Run) -> None:
    done = run("grad", "log(x**2+y**2)", "--x", "15", "--y", "24", "--explain")
    assert "x = 15  local 2*x = 30  grad 0.0374532" in done.out
    assert "local 1/(x**2+y**2) = 0.00124844" in done.out
    assert "PowBackward0  local 1  grad 0.00124844" in done.out
    assert "local [1, 1]" in run("grad", "sum(-x**2)", "--x", "1,2", "--explain").out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # remarks of PyTorch itself
@pytest.mark.parametrize("name", [name for name, row in FUNCTIONS.items() if row.form != "size"])
def test_every_function_of_the_table_can_be_explained(name: str) -> None:
    for text in test_functions.calls_of(FUNCTIONS[name]):
        expression = parse(wrapped(text, FUNCTIONS[name]))
        tracked = test_functions.tracked(0)
        tensors = {key: tracked[key] for key in expression.variables}
        wrt = tuple(key for key, value in tensors.items() if value.requires_grad)
        environment = Environment(torch.float64)
        problem = Problem(build(expression, environment, tensors), environment, tensors, wrt)
        plain = problem.value()
        tape = Tape(problem)
        if FUNCTIONS[name].form != "random":
            torch.testing.assert_close(tape.value, plain, rtol=0, atol=0, equal_nan=True)
        found = by_text(tape.nodes())
        if FUNCTIONS[name].form == "constructor":  # computed once, with all that depends on it alone
            assert [node.kind for node in found.values() if text in node.text and node.text[0] == "s"][1:] == [
                "constant"
            ]
            continue
        node = found[text]
        assert node.op in (name, "T", "add"), text
        rules_hold(tape.nodes(), tensors)
        assert node.shape is not None or node.note.startswith("a pair of values and indices")


def test_norms_are_not_added_up(run: Run) -> None:
    """sum(A @ A): the two uses give 1 @ A.T and A.T @ 1, computed here."""
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    ones = torch.ones(2, 2)
    norms = [
        f"{torch.linalg.vector_norm(part).item():.6g}" for part in (ones @ a.T, a.T @ ones, ones @ a.T + a.T @ ones)
    ]
    text = " ".join(run("grad", "sum(A@A)", "--A", "[[1, 2], [3, 4]]", "--explain").out.split())
    one, other, both = norms
    assert any(f"add up: norms {x} and {y}, that of the sum {both}" in text for x, y in [(one, other), (other, one)])
