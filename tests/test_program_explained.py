"""The explanation of programs: tapes, formulas, matrices, checks and diagnoses, against the same cells run by PyTorch.

The oracle is the cell itself, executed statement by statement, with ``retain_grad`` on everything that gets a name.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import sympy
import torch

import gdcli
from gdcli.contract.grad import Curvature, GradientCheck, GradResult, JacobianMatrix, LostValue, TapeNode
from gdcli.explain.intermediates import gradient_terms
from gdcli.explain.names import called, named, told
from gdcli.explain.spelled import spelled
from gdcli.lang.constructors import Environment
from gdcli.lang.functions import MATRIX_OPERATIONS
from gdcli.lang.objective import build
from gdcli.lang.parsing import parse
from gdcli.render.gradient import grad_report
from gdcli.render.text import PlainConsole
from tests.conftest import Run

LECTURE = """
W = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.5, -0.6, 0.7, -0.8], [0.9, 1.0, 1.1, 1.2]], requires_grad=True)
x = torch.arange(4, dtype=torch.float64)  # a value that stays
target = torch.tensor([1., 1.2, 1.4])
z = W.matmul(x)
y = torch.relu(z)
loss = torch.sum((y - target)**2)
loss.backward()
"""
MICROGRAD = """
a = torch.tensor(-4.0, requires_grad=True)
b = torch.tensor(2.0, requires_grad=True)
c = a + b
d = a * b + b**3
c += c + 1
c += 1 + c + (-a)
d += d * 2 + (b + a).relu()
d += 3 * d + (b - a).relu()
e = c - d
f = e**2
g = f / 2.0
g += 10.0 / f
g.backward()
"""
MAZUR = """
i1, i2 = 0.05, 0.10
w1 = torch.tensor(0.15, requires_grad=True)
w2 = torch.tensor(0.20, requires_grad=True)
w3 = torch.tensor(0.25, requires_grad=True)
w4 = torch.tensor(0.30, requires_grad=True)
w5 = torch.tensor(0.40, requires_grad=True)
w6 = torch.tensor(0.45, requires_grad=True)
w7 = torch.tensor(0.50, requires_grad=True)
w8 = torch.tensor(0.55, requires_grad=True)
b1, b2 = 0.35, 0.60
t1, t2 = 0.01, 0.99
n1 = w1*i1 + w2*i2 + b1
n2 = w3*i1 + w4*i2 + b1
h1 = torch.sigmoid(n1)
h2 = torch.sigmoid(n2)
o1 = torch.sigmoid(w5*h1 + w6*h2 + b2)
o2 = torch.sigmoid(w7*h1 + w8*h2 + b2)
E1 = (t1 - o1)**2 / 2
E2 = (t2 - o2)**2 / 2
E = E1 + E2
E.backward()
"""
CELLS = {
    "lecture": LECTURE,
    "micrograd": MICROGRAD,
    "Mazur": MAZUR,
    "a name used three times": """
x = torch.tensor(1.5, requires_grad=True)
s = torch.sin(x)
loss = s*s + torch.exp(s)
loss.backward()
""",
    "several targets, an alias, lines that go on": """
x = torch.tensor([1.0, 3.0, 2.0], requires_grad=True)
u, v = x*2, x + 1
h = u
top, where_ = torch.max(h*v, 0)
loss = (h*v).sum(  # the sum
    ) + top**2
loss.backward()
""",
    "names of functions": """
mean = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
max = mean * 3
abs = max - max.mean()
loss = (abs**2).mean()
loss.backward()
""",
    "functions": """
def neuron(w, x, b=0.5):
    total = w*x + b
    return torch.tanh(total) * total
w = torch.tensor(0.7, requires_grad=True)
v = torch.tensor(-0.4, requires_grad=True)
h = neuron(w, 2.0)
o = neuron(v*w, h, b=v) + neuron(w, h)
loss = (o - 1)**2
loss.backward()
""",
    "linear regression": """
x = torch.tensor([1.0, 2.0, 3.0, 4.0])
y = torch.tensor([3.0, 5.0, 7.0, 9.5])
w = torch.tensor(0.5, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)
prediction = w * x + b
loss = ((prediction - y)**2).mean()
loss.backward()
""",
}
"""Cells as people write them; the numbers of each are float64."""

_INNER = "sigmoid(w1*0.05 + w2*0.1 + 0.35)", "sigmoid(w3*0.05 + w4*0.1 + 0.35)"
TWINS: dict[str, tuple[str, dict[str, Any]]] = {
    "a name used three times": ("sin(x)*sin(x) + exp(sin(x))", {"x": 1.5}),
    "Mazur": (
        (
            f"(0.01 - sigmoid(w5*{_INNER[0]} + w6*{_INNER[1]} + 0.6))**2/2"
            f" + (0.99 - sigmoid(w7*{_INNER[0]} + w8*{_INNER[1]} + 0.6))**2/2"
        ),
        {f"w{i}": value for i, value in enumerate((0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55), start=1)},
    ),
    "lecture": (
        "sum((relu(W.matmul(x)) - target)**2)",
        {
            "W": [[0.1, 0.2, 0.3, 0.4], [0.5, -0.6, 0.7, -0.8], [0.9, 1.0, 1.1, 1.2]],
            "x": [0, 1, 2, 3],
            "target": [1, 1.2, 1.4],
        },
    ),
    "linear regression": (
        "mean((w*x + b - y)**2)",
        {"x": [1, 2, 3, 4], "y": [3, 5, 7, 9.5], "w": 0.5, "b": 0},
    ),
    "functions": (
        (
            "((tanh(v*w*(tanh(w*2 + 0.5)*(w*2 + 0.5)) + v)*(v*w*(tanh(w*2 + 0.5)*(w*2 + 0.5)) + v))"
            " + tanh(w*(tanh(w*2 + 0.5)*(w*2 + 0.5)) + 0.5)*(w*(tanh(w*2 + 0.5)*(w*2 + 0.5)) + 0.5) - 1)**2"
        ),
        {"w": 0.7, "v": -0.4},
    ),
}
"""The same functions as one expression, with the same values."""


def explained(cell: str, dtype: str = "float64", **settings: Any) -> GradResult:
    return gdcli.grad(cell, {}, settings={"dtype": dtype, **settings})


def tape(cell: str, **settings: Any) -> list[TapeNode]:
    record = explained(cell, explain=True, **settings)
    assert isinstance(record.tape, list)
    return record.tape


def by_hand(cell: str) -> tuple[dict[tuple[str, int], torch.Tensor], dict[str, Any]]:
    """Everything that a cell gives a name, by name and line, each with its gradient; and its names at the end.

    The cell is executed by Python, and its plain numbers are float64 tensors.
    """
    found: dict[tuple[str, int], torch.Tensor] = {}
    space: dict[str, Any] = {"torch": torch}
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        for written in ast.parse(cell.strip("\n")).body:
            statement: ast.stmt = written
            if isinstance(written, ast.AugAssign) and isinstance(written.target, ast.Name):
                # Not in place: each value that a name has had keeps its gradient.
                left = ast.Name(written.target.id, ast.Load())
                statement = ast.Assign([written.target], ast.BinOp(left, written.op, written.value))
                ast.fix_missing_locations(ast.copy_location(statement, written))
            old = dict(space)
            exec(compile(ast.Module([statement], []), "cell", "exec"), space)
            for name, value in space.items():
                if isinstance(value, torch.Tensor) and value is not old.get(name):
                    if value.requires_grad:
                        value.retain_grad()
                    found[name, statement.lineno] = value
    finally:
        torch.set_default_dtype(before)
    return found, space


def roots(nodes: list[TapeNode]) -> Iterator[TapeNode]:
    return (node for node in nodes if node.parent is None)


def uses(nodes: list[TapeNode], name: int | str) -> list[TapeNode]:
    """The uses of what the node of this id is called, or of a variable."""
    return [node for node in nodes if node.statement == name or (node.kind == "variable" and node.op == name)]


# The tape


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_every_named_value_and_gradient_is_that_of_the_cell_itself(cell: str) -> None:
    true, space = by_hand(cell)
    found = {(root.name, root.line): root for root in roots(tape(cell)) if not root.function}
    expected = {key: value for key, value in true.items() if value.requires_grad and not value.is_leaf}
    assert set(found) - {("top, where_", 4)} == set(expected)
    for key, value in expected.items():
        assert value.grad is not None
        assert np.allclose(np.array(found[key].value), value.detach().numpy(), rtol=1e-12, atol=0)
        assert np.allclose(np.array(found[key].grad), value.grad.numpy(), rtol=1e-12, atol=1e-14)
    for name, gradient in explained(cell).grads.items():
        if gradient is not None:
            assert np.allclose(np.array(gradient), space[name].grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_gradients_of_the_uses_of_a_name_add_up_to_its_gradient(cell: str) -> None:
    nodes = tape(cell)
    sums: dict[int | str, Any] = {root.id: root.grad for root in list(roots(nodes))[1:] if root.grad is not None}
    sums |= {name: grad for name, grad in explained(cell).grads.items() if grad is not None}
    for name, total in sums.items():
        parts = [np.array(node.grad) for node in uses(nodes, name) if node.grad is not None]
        assert parts
        assert np.allclose(sum(parts), np.array(total), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["micrograd", "Mazur", "functions", "a name used three times"])
def test_each_gradient_is_the_local_derivative_times_the_gradient_above(name: str) -> None:
    nodes = tape(CELLS[name])
    inner = [node for node in nodes if node.parent is not None and node.grad is not None]
    assert len(inner) > len(list(roots(nodes)))
    for node in inner:
        above = nodes[node.parent or 0].grad
        assert isinstance(node.local, float)
        assert isinstance(above, float)
        assert node.grad == pytest.approx(node.local * above, rel=1e-12, abs=1e-300)


def test_published_numbers_of_micrograd_and_of_mazur() -> None:
    record = explained(MICROGRAD)
    assert record.value == 24.70408163265306
    assert record.grads == {"a": 138.83381924198252, "b": 645.5772594752186}
    assert explained(MAZUR).value == pytest.approx(0.298371109, abs=5e-10)
    step = gdcli.minimize(MAZUR, {}, settings={"dtype": "float64", "lr": 0.5, "steps": 1}).result()
    assert step.result.loss == pytest.approx(0.291027774, abs=5e-10)


def test_names_of_functions_are_told_by_their_call() -> None:
    found = [(root.name, root.function, root.line) for root in roots(tape(CELLS["functions"])) if root.function]
    # From the last call back: its total, then that of the call before with its parameter, then that of the first.
    assert found == [
        ("total", "neuron", 2),
        ("total", "neuron", 2),
        ("w", "neuron(v*w, h, b=v)", 7),
        ("total", "neuron", 2),
    ]


@pytest.mark.slow
def test_a_name_that_is_used_many_times_is_told_once() -> None:
    doubled = "x = torch.tensor(1.0, requires_grad=True)\na = x*1\n" + "a = a + a\n" * 40 + "a.backward()"
    nodes = tape(doubled)
    assert len(nodes) == 3 * 40 + 2
    assert (nodes[0].value, nodes[-1].grad) == (2.0**40, 2.0**40)
    record = explained(doubled, hessian=True, check=True, substitute=True)
    assert isinstance(record.check, GradientCheck)
    assert isinstance(record.derivatives, list)
    assert (record.check.verdict, record.derivatives[0].formula) == ("agree", str(2**40))


def test_rules_are_in_the_names_of_the_statement() -> None:
    texts = {(node.line, node.text): node.rule for node in tape(CELLS["a name used three times"])}
    assert texts[2, "x"] == "cos(x)"
    assert texts[3, "s"] == "exp(s)"  # the last use of three
    assert {node.rule for node in tape(MICROGRAD) if node.line == 10 and node.kind == "name"} == {"2*e"}
    inside = [node for node in tape(CELLS["functions"]) if node.line == 3 and node.text == "total"]
    assert {node.rule for node in inside} == {"1 - tanh(total)**2", "torch.tanh(total)"}


def test_names_of_functions_of_pytorch_are_only_names() -> None:
    nodes = tape(CELLS["names of functions"])
    assert not [node.note for node in nodes if node.kind == "name" and node.note and "broadcast" not in node.note]


def drawn(record: GradResult, width: int) -> str:
    file = io.StringIO()
    report = grad_report(record, 6, width, matrix_operations=MATRIX_OPERATIONS)
    PlainConsole(file=file, width=width).print(report)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_every_statement_has_a_line(cell: str, width: int) -> None:
    lines = drawn(explained(cell, explain=True, depth=1), width).splitlines()
    assert all(len(line) <= width for line in lines)
    true, _ = by_hand(cell)
    for (name, line), value in true.items():
        if value.requires_grad and not value.is_leaf:
            assert sum(re.match(rf"line {line}: (\w+, )?{name}(, \w+)? [-+*/]?= ", each) is not None for each in lines)


def test_gradients_of_a_name_add_up_in_sight() -> None:
    out = drawn(explained(CELLS["a name used three times"], explain=True), 80)
    assert out.partition("(local x grad above)\n")[2] == TAPE


TAPE = """\
line 3: loss = s*s + torch.exp(s) = 3.70648  AddBackward0  grad 1
├── s*s = 0.994996  MulBackward0  local 1  grad 1
│   ├── s = 0.997495  local s = 0.997495  grad 0.997495
│   └── s = 0.997495  local s = 0.997495  grad 0.997495
└── torch.exp(s) = 2.71148  ExpBackward0  local 1  grad 1
    └── s = 0.997495  local exp(s) = 2.71148  grad 2.71148
line 2: s = torch.sin(x) = 0.997495  SinBackward0  grad 4.70647
gradient of s: 0.997495 + 0.997495 + 2.71148 (in loss = s*s + torch.exp(s)) =
4.70647
└── x = 1.5  local cos(x) = 0.0707372  grad 0.332923
"""


def test_a_program_without_requires_grad_of_one_line_has_no_line_numbers(run: Run) -> None:
    out = run("grad", "x = 2.0; u = x**2; u + u*x", "--explain").out
    assert "line 1" not in out
    assert "gradient of u: 1 + 2 (in u + u*x) = 3" in out


def test_statements_on_several_lines_are_told_in_one(run: Run) -> None:
    out = run("grad", CELLS["several targets, an alias, lines that go on"], "--explain").out
    assert out.startswith("loss = (h*v).sum() + top**2 = ")
    assert "line 5: loss = (h*v).sum() + top**2 = " in out
    assert "# the sum" not in out


@pytest.mark.slow
def test_long_programs_show_their_ends(run: Run) -> None:
    cell = "x = torch.tensor(0.5, requires_grad=True)\na = x*1\n" + "a = a*1.01\n" * 100 + "a.backward()"
    out = run("grad", cell, "--explain").out
    assert "… 41 statements left out (--depth 1 shows them)" in out
    assert run("grad", cell, "--explain", "--depth", "1").out.count("\nline ") == 101


def test_json_of_an_expression_has_no_fields_of_a_program(run: Run) -> None:
    record = run("grad", "x*x", "--x", "3", "--explain", "--symbolic", "--json").json()
    assert not {"name", "line", "statement", "function"} & {key for row in record["tape"] for key in row}
    assert set(record["derivatives"][0]) == {"variable", "formula", "latex", "value", "obstacle"}
    assert run("grad", "x*x", "--x", "3", "--symbolic", "--csv").out.startswith("variable,formula,latex,value,obstacle")
    program = run("grad", CELLS["a name used three times"], "--explain", "--symbolic", "--json").json()
    assert program["tape"][0]["name"] == program["derivatives"][0]["result"] == "loss"


# Formulas


def numbers_of(formula: str, true: Mapping[tuple[str, int], torch.Tensor], result: str) -> float:
    """The value of a formula with the numbers that the cell has by itself; a derivative in it is a gradient there."""
    last = {name: value for (name, _), value in true.items()}
    space: dict[str, Any] = {f"{name}_{line}": value.detach() for (name, line), value in true.items()}
    space |= {name: value.detach() for name, value in last.items()}
    for (name, line), value in true.items():
        if value.grad is not None:
            space |= {f"d_{name}_{line}": value.grad}
    space |= {f"d_{name}": value.grad for name, value in last.items()}
    plain = re.sub(rf"∂{result}/∂(\w+)", r"d_\1", formula)
    functions = {name: getattr(torch, name) for name in ("where", "sigmoid", "sin", "cos", "exp", "tanh", "cosh")}
    return float(eval(plain, functions | space))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "result"), [("micrograd", "g"), ("Mazur", "E"), ("a name used three times", "loss")])
def test_rows_of_the_chain_rule_give_the_gradients(name: str, result: str) -> None:
    true, _ = by_hand(CELLS[name])
    rows = explained(CELLS[name], symbolic=True).derivatives
    assert isinstance(rows, list)
    names = [row for row in rows if isinstance(row.line, int)]
    named_there = {(row.name, row.line) for row in names}
    expected = {key for key, value in true.items() if value.requires_grad and not value.is_leaf and key[0] != result}
    assert {key for key in named_there if key[0] != result} == expected
    for row in rows:
        gradient = true[str(row.name), row.line].grad if isinstance(row.line, int) else last(true, row.variable).grad
        assert row.formula is not None
        assert gradient is not None
        assert numbers_of(row.formula, true, result) == pytest.approx(float(gradient), rel=1e-12)
        assert row.value == pytest.approx(float(gradient), rel=1e-12)


def last(true: Mapping[tuple[str, int], torch.Tensor], name: str) -> torch.Tensor:
    return next(value for (other, _), value in reversed(true.items()) if other == name)


def test_chain_rule_is_written_in_the_names(run: Run) -> None:
    cell = "w = torch.tensor(3., requires_grad=True)\nz = w*2\ny = torch.sin(z)\nloss = (y - 1)**2\nloss.backward()"
    out = run("grad", cell, "--symbolic", "--dtype", "float64").out
    assert out.splitlines()[-3:] == [
        "∂loss/∂y = 2*y - 2 = -2.55883",
        "∂loss/∂z = ∂loss/∂y * cos(z) = -2.45691",
        "∂loss/∂w = ∂loss/∂z * 2 = -4.91383",
    ]
    assert (
        r"\frac{\partial loss}{\partial z} = \frac{\partial loss}{\partial y} \cdot \cos"
        in run("grad", cell, "--latex").out
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a name used three times", "functions"])
def test_substituted_formulas_are_those_of_the_one_expression(name: str) -> None:
    expression, values = TWINS[name]
    rows = explained(CELLS[name], substitute=True).derivatives
    assert isinstance(rows, list)
    for row in rows:
        true = sympy.diff(sympy.sympify(expression), row.variable)
        assert row.formula is not None
        assert float(sympy.sympify(row.formula).subs(values)) == pytest.approx(float(true.subs(values)), rel=1e-12)
        for shift in (0.1, -0.3):
            there = {key: value + shift for key, value in values.items()}
            found = float(sympy.sympify(row.formula).subs(there))
            assert found == pytest.approx(float(true.subs(there)), rel=1e-9)


def test_pieces_that_sympy_does_not_have_are_written_in_the_variables() -> None:
    cell = "x = torch.tensor(2., requires_grad=True)\nz = x**2\nz = z*3\nloss = z.detach()*x + z.detach()"
    (row,) = explained(cell, substitute=True).derivatives  # type: ignore[misc]
    assert row.formula == "detach((x**2)*3)"
    assert row.value == 12


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("f = w**2\n(f*3).backward()", ["∂result/∂f = 3", "∂result/∂w = ∂result/∂f * 2*w"]),
        ("u = w**2\nu*3", ["∂f/∂u = 3", "∂f/∂w = ∂f/∂u * 2*w"]),
        ("t = w > 1\ny = torch.where(t, w**3, w)", ["∂y/∂w = where(w > 1, 3*w**2, 1)"]),
        ("y = w**2\ny = y + w", ["∂y/∂y_2 = 1", "∂y/∂w = 1 + ∂y/∂y_2 * 2*w"]),
        ("def f(a):\n    a = a*2\n    return a*a\ny = f(w) + w", ["∂y/∂w = 8*w + 1"]),
        ("k = 4\nh = w*k\nz = -h\ny = z*(1 - h)", ["∂y/∂z = 1 - h", "∂y/∂h = -z - ∂y/∂z", "∂y/∂w = ∂y/∂h * 4"]),
    ],
)
def test_rows_of_the_chain_rule(cell: str, expected: list[str]) -> None:
    rows = explained(f"w = torch.tensor(2., requires_grad=True)\n{cell}", symbolic=True).derivatives
    assert isinstance(rows, list)
    assert [f"∂{row.result}/∂{row.variable} = {row.formula}" for row in rows] == expected


def test_substitute_without_a_program_is_refused(run: Run) -> None:
    outcome = run("grad", "x**2", "--x", "3", "--substitute")
    assert outcome.code == 2
    message, hint = outcome.err.splitlines()
    assert message == "error: --substitute is about the names of a program, and this is one expression"
    assert hint == "hint: leave out --substitute"


# The same numbers as one expression


@pytest.mark.slow
@pytest.mark.parametrize("name", TWINS)
def test_matrices_and_checks_are_those_of_the_one_expression(name: str) -> None:
    expression, values = TWINS[name]
    program = explained(CELLS[name], hessian=True, check=True, jacobian=True)
    settings = {"dtype": "float64", "hessian": True, "check": True, "jacobian": True}
    twin = gdcli.grad(expression, values, wrt=program.settings.wrt, settings=settings)
    assert isinstance(program.hessian, Curvature)
    assert isinstance(twin.hessian, Curvature)
    order = [twin.hessian.labels.index(label) for label in program.hessian.labels]  # that of the text
    true = np.array(twin.hessian.matrix)[np.ix_(order, order)]
    assert np.allclose(np.array(program.hessian.matrix), true, rtol=1e-10, atol=1e-13)
    assert program.hessian.point == twin.hessian.point
    assert isinstance(program.jacobian, JacobianMatrix)
    assert isinstance(twin.jacobian, JacobianMatrix)
    true = np.array(twin.jacobian.matrix)[:, order]
    assert np.allclose(np.array(program.jacobian.matrix), true, rtol=1e-12, atol=1e-14)
    assert isinstance(program.check, GradientCheck)
    assert isinstance(twin.check, GradientCheck)
    for row, other in zip(program.check.rows, [twin.check.rows[i] for i in order], strict=True):
        assert (row.label, row.verdict, row.doubt, row.reason) == (
            other.label,
            other.verdict,
            other.doubt,
            other.reason,
        )
        assert row.autograd == pytest.approx(other.autograd, rel=1e-12, abs=1e-14)
        assert row.differences == pytest.approx(other.differences, rel=1e-7, abs=1e-9)
        if name not in ("functions", "Mazur"):  # how far SymPy comes with it depends on what it has kept from before
            assert (row.symbolic is None) == (other.symbolic is None)
        if row.symbolic is not None and other.symbolic is not None:
            assert row.symbolic == pytest.approx(other.symbolic, rel=1e-12)


def test_jacobian_is_in_the_name_of_the_result() -> None:
    cell = "W = torch.tensor([[1.,2.],[3.,4.]], requires_grad=True)\nz = W @ torch.tensor([1.,2.])\ny = z**2\ny"
    found = explained(cell, jacobian=True).jacobian
    assert isinstance(found, JacobianMatrix)
    assert found.rows == ["y[0]", "y[1]"]
    assert found.matrix == [[10, 20, 0, 0], [0, 0, 22, 44]]


@pytest.mark.parametrize(
    ("cell", "expression"),
    [
        ("z = x**2\n(z*1000 - z*999)*2", "(x**2*1000 - x**2*999)*2"),
        ("a = x*3\nb = a*a - a*7\nb*b - a", "(x*3*(x*3) - x*3*7)**2 - x*3"),
    ],
)
def test_terms_that_cancel_in_a_name_count(cell: str, expression: str) -> None:
    x = {"x": torch.tensor(1.7, dtype=torch.float64)}
    program, twin = (
        gradient_terms(parse(text, ["x"]), Environment(torch.float64), x, ["x"])["x"] for text in (cell, expression)
    )
    assert float(program) >= 0.99 * float(twin)  # b*b has two uses of b where a power has one of its own
    assert float(program) <= 1.5 * float(twin)


# What a dtype loses

LOST = {
    "through names": (
        "z = torch.tensor(100., requires_grad=True)\ne = torch.exp(z)\ns = 1 + e\nloss = torch.log(s)\nloss.backward()",
        100.0,
        "e in line 2 is 2.68812e+43, beyond the range of float32",
        "loss = softplus(z) in line 4 has the right value and gradient in float32",
    ),
    "in a function, on several lines": (
        (
            "def f(u):\n    return torch.log(1 + torch.exp(u))\nx = torch.tensor(50., requires_grad=True)\n"
            "loss = f(x * 2\n    # twice\n    )"
        ),
        100.0,
        "torch.exp(u) in line 2 is 2.68812e+43, beyond the range of float32",
        "return softplus(u) in line 2 has the right value and gradient in float32",
    ),
    "augmented": (
        "x = torch.tensor(1e-9, requires_grad=True)\ny = torch.exp(x)\ny -= 1\nloss = y*3",
        3e-9,
        "y in line 3 is 1e-09, and float32 gives 0",
        "y = expm1(x) in line 3 has the right value and gradient in float32",
    ),
    "of one line": (
        "z = torch.tensor(100., requires_grad=True); e = torch.exp(z); loss = torch.log(1 + e)",
        100.0,
        "e is 2.68812e+43, beyond the range of float32",
        "loss = softplus(z) has the right value and gradient in float32",
    ),
}


@pytest.mark.parametrize(("cell", "value", "cause", "advice"), LOST.values(), ids=LOST.keys())
def test_lost_values_name_the_statement_and_show_it_corrected(cell: str, value: float, cause: str, advice: str) -> None:
    check = explained(cell, dtype="float32", check=True).check
    assert isinstance(check, GradientCheck)
    lost = check.lost
    assert isinstance(lost, LostValue)
    assert cause in lost.message
    assert lost.message.endswith(f"; {advice}")
    assert "\n" not in lost.message + "".join(row.reason for row in check.rows)
    functions = {"softplus": torch.nn.functional.softplus, "expm1": torch.expm1}
    space: dict[str, Any] = {"torch": torch, **functions}
    exec(lost.instead, space)
    assert space["loss"].dtype == torch.float32
    assert space["loss"].item() == pytest.approx(value, rel=1e-6)


def test_values_named_like_constants_are_kept_in_a_suggestion() -> None:
    cell = "e = torch.tensor(100., requires_grad=True)\nloss = torch.log(1 + torch.exp(e))"
    check = explained(cell, dtype="float32", check=True).check
    assert isinstance(check, GradientCheck)
    assert isinstance(check.lost, LostValue)
    assert "loss = softplus(e) in line 2 has the right value and gradient" in check.lost.message


# Diagnosis


def findings(cell: str, **settings: Any) -> dict[str, Any]:
    record = gdcli.minimize(cell, {}, settings={"steps": 30, **settings}).result()
    assert isinstance(record.diagnosis, list)
    return {finding.code: finding for finding in record.diagnosis}


def test_a_dead_relu_is_named_by_its_line() -> None:
    cell = """w = torch.tensor(1.0, requires_grad=True)
x = torch.tensor([1.0, 2.0, 3.0])
y = torch.tensor([2.0, 4.0, 6.0])
z = w * x
p = torch.relu(z)
loss = ((p - y)**2).mean()"""
    found = findings(cell, lr=2.0)["dead-relu"]
    assert found.message.startswith("line 5: p = torch.relu(z) died in the update of iteration 1: z is not positive")
    assert (found.evidence["line"], found.evidence["text"]) == (5, "torch.relu(z)")


@pytest.mark.parametrize(
    ("cell", "lr", "message", "line"),
    [
        (
            (
                "x = torch.tensor(1.0, requires_grad=True)\ndef safe(u):\n    v = u - 1\n    return torch.log(v)\n"
                "y = x * 2\nloss = safe(y) + y"
            ),
            0.5,
            "line 4: torch.log(v) became nan at iteration 1, where v = -3",
            4,
        ),
        (
            "x = torch.tensor(0.0, requires_grad=True)\ns = x**2\nr = torch.sqrt(s)\nloss = r + x",
            0.05,
            "the derivative of r in line 3 became inf at the start, where s = 0",
            3,
        ),
    ],
)
def test_what_is_not_finite_is_named_by_its_line(cell: str, lr: float, message: str, line: int) -> None:
    found = findings(cell, lr=lr)["not-finite"]
    assert found.message.startswith(message)
    assert found.evidence["line"] == line


def test_shapes_that_broadcast_are_named_by_their_line() -> None:
    cell = """w = torch.tensor([[1.0]], requires_grad=True)
x = torch.tensor([[1.0], [2.0], [3.0]])
y = torch.tensor([2.0, 4.0, 6.0])
p = x @ w
loss = ((p
   - y)**2).mean()"""
    found = findings(cell, lr=0.05)["broadcast"]
    assert found.message.startswith("line 5: p - y has shape (3, 3), because (3, 1) and (3,) broadcast to all pairs")


@pytest.mark.slow
def test_diagnosis_of_names_used_many_times_ends() -> None:
    cell = "x = torch.tensor(1.0, requires_grad=True)\na = x*1\n" + "a = a/2 + a/2\n" * 40 + "loss = (a - 3)**2"
    assert findings(cell, lr=2.0, dtype="float64")


# Words


def test_nodes_are_told_with_their_lines() -> None:
    program = parse("x = torch.rand(3)\ny = x*2\nz = (y +  # more\n 1)**2\nz.sum()")
    y, z = program.statements
    assert told(program, y.node) == "line 2: y = x*2"
    assert told(program, z.node) == "line 3: z = (y + 1)**2"
    assert called(program, z.node) == "z in line 3"
    assert told(program, program.root) == "line 5: z.sum()"
    assert [each.name for each in named(program)] == ["", "z", "y"]
    assert told(parse("x*2"), parse("x*2").root) == "x*2"


@pytest.mark.parametrize(
    "text",
    ["-(x + 1)*2", "x**-2", "(-x)**2", "[x, 1.5][0]", "torch.sum(W[0:1, 1:3], 0, keepdim=True).T", "clamp(x, min=-1)",
     "cross_entropy(W, t, reduction='sum')", "W.to(torch.float64) * W", "where(x > 0, x, -x)"],
)  # fmt: skip
def test_spelled_trees_are_read_as_the_same_tree(text: str) -> None:
    names = ["x", "W", "t"]
    tree = parse(text, names)
    again = spelled(tree.root)
    assert again is not None
    assert spelled(parse(again, names).root) == again
    values = {"x": torch.tensor(0.7), "W": torch.eye(4) + 0.5, "t": torch.tensor([0, 1, 2, 3])}
    first, second = (evaluated(parse(each, names), values) for each in (text, again))
    assert torch.equal(first, second)


def evaluated(expression: Any, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
    given = {name: values[name] for name in expression.variables}
    return build(expression, Environment(torch.float32), given)(*given.values())


def test_spelled_programs_have_a_limit() -> None:
    program = parse("a = x*1\n" + "a = a + a\n" * 40 + "a*2", ["x"])
    assert spelled(program.root) is None
    assert spelled(parse("a = x + 1\nb = a*a\nb", ["x"]).root) == "(x + 1)*(x + 1)"
