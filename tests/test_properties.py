"""Generated input: expressions agree with Python's own evaluation over PyTorch, and nothing ever gives a traceback."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, NamedTuple

import pytest
import torch
from conftest import Outcome, in_process
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gdcli.errors import ExpressionError
from gdcli.lang.constructors import Environment
from gdcli.lang.functions import FUNCTIONS
from gdcli.lang.objective import build
from gdcli.lang.parsing import parse

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # what PyTorch warns of is not what is tested here
]

TENSORS = {
    "x": torch.tensor(0.75),
    "y": torch.tensor(-2.0),
    "v": torch.tensor([1.0, -2.0, 3.0]),
    "W": torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 4.0], [3.0, 1.0, 1.0]]),
}
VALUES = ["--var=x=0.75", "--var=y=-2", "--var=v=1,-2,3", "--var=W=[[1, 2, 0.5], [0, -1, 4], [3, 1, 1]]"]


def examples(number: int) -> Any:
    """So many examples, the same ones every time."""
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(max_examples=number, derandomize=True, deadline=None, database=None, suppress_health_check=checks)


class Piece(NamedTuple):
    """The text of an expression, and whether it is a tensor: PyTorch's functions take no plain numbers."""

    text: str
    tensor: bool


NUMBERS = st.sampled_from(["0", "1", "2", "3", "0.5", "1.5e-1", ".25", "10", "pi", "e", "1_0"])
LEAVES = st.one_of(
    NUMBERS.map(lambda text: Piece(text, tensor=False)),
    st.sampled_from([*TENSORS, *TENSORS, "torch.ones(3)", "torch.eye(3)", "torch.linspace(0, 1, 3)"]).map(
        lambda text: Piece(text, tensor=True)
    ),
)
UNARY = st.sampled_from(["sin", "cos", "exp", "tanh", "sqrt", "log", "abs", "relu", "sigmoid", "floor", "sign", "sum"])
INDICES = st.sampled_from(["[0]", "[-1]", "[1:]", "[:, 0]", "[0, 1]", "[::2]", "[5]"])
TAILS = st.sampled_from(
    [".mT", ".sum(0)", ".sum(dim=-1, keepdim=True)", ".max(0).values", ".clamp(0, 1)", ".reshape(3)"]
)


def grown(smaller: st.SearchStrategy[Piece]) -> st.SearchStrategy[Piece]:
    """Larger expressions; brackets stand only where the text would mean something that no two languages share."""

    def binary(left: Piece, operator: str, right: Piece) -> Piece:
        return Piece(f"{left.text} {operator} {right.text}", left.tensor or right.tensor)

    def compared(left: Piece, operator: str, right: Piece) -> Piece:
        return Piece(f"({left.text} {operator} {right.text})", left.tensor or right.tensor)

    def power(base: Piece, exponent: str) -> Piece:
        return Piece(f"({base.text})**{exponent}", base.tensor)

    def of_tensor(piece: Piece, form: str) -> Piece:
        return Piece(form.format(piece.text), tensor=True) if piece.tensor else piece

    def both(first: Piece, second: Piece) -> Piece:
        whole = Piece(f"torch.stack([{first.text}, {second.text}])", tensor=True)
        return whole if first.tensor and second.tensor else first

    forms = st.one_of(
        UNARY.map(lambda name: f"{name}({{0}})"),
        UNARY.map(lambda name: f"torch.{name}({{0}})"),
        UNARY.map(lambda name: f"({{0}}).{name}()"),
        INDICES.map("({{0}}){}".format),
        TAILS.map("({{0}}){}".format),
        st.sampled_from(
            ["torch.where({0} > 0, {0} * 0.5, 1)", "2**({0})", "F.softplus({0})", "({0}).to(torch.float64)"]
        ),
    )
    return st.one_of(
        st.builds(binary, smaller, st.sampled_from(["+", "-", "*", "/", "//", "%", "@"]), smaller),
        st.builds(compared, smaller, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), smaller),
        st.builds(power, smaller, st.sampled_from(["2", "3", "-1", "0"])),
        st.builds(lambda piece: Piece(f"-{piece.text}", piece.tensor), smaller),
        st.builds(lambda piece: Piece(f"({piece.text})", piece.tensor), smaller),
        st.builds(of_tensor, smaller, forms),
        st.builds(both, smaller, smaller),
    )


EXPRESSIONS = st.recursive(LEAVES, grown, max_leaves=12).map(lambda piece: piece.text)


def by_python(text: str) -> Any:
    """What Python makes of the text; None where it or PyTorch raises an error."""
    try:
        return eval(text, {**vars(torch), "torch": torch, "F": torch.nn.functional, **TENSORS})
    except (RuntimeError, TypeError, ValueError, IndexError, ArithmeticError):
        return None


def by_gdcli(text: str) -> Any:
    """What gdcli makes of the text; None where it refuses it, at a place in the text. Other errors are failures."""
    try:
        expression = parse(text)
        tensors = {name: TENSORS.get(name, TENSORS["x"]) for name in expression.variables}
        return build(expression, Environment(), tensors)(*tensors.values())
    except ExpressionError as error:
        is_placed(error.source, error.span)
        return None


def is_placed(source: str, span: tuple[int, int]) -> None:
    """The place of an error lies within its text, or right after it."""
    start, end = span
    assert 0 <= start <= end <= len(source) + 1


@examples(400)
@given(EXPRESSIONS)
def test_an_expression_is_what_python_and_pytorch_make_of_it(text: str) -> None:
    expected, actual = by_python(text), by_gdcli(text)
    if expected is None or actual is None:
        assert (expected, actual) == (None, None)
    elif isinstance(expected, torch.Tensor):
        torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)
    else:
        assert torch.equal(actual, torch.tensor(float(expected)))


@examples(50)
@given(EXPRESSIONS)
def test_every_command_makes_a_record_or_one_error_of_an_expression(text: str) -> None:
    expected = by_python(f"({text}) * 1.0")
    outcome = record_or_error("ops", text)
    if expected is not None and outcome.code == 0:
        assert outcome.json()["status"] == "ok"
    record_or_error("grad", f"sum([0., 0.] + ({text}))")


def record_or_error(command: str, text: str) -> Outcome:
    """Run the text with a value for each of its variables, and check that the answer is clean."""
    try:
        names = parse(text).variables
    except ExpressionError:
        names = ()
    given = [value for value in VALUES if value[6] in names]
    return clean(in_process(command, "--json", *given, "--", text))


def clean(outcome: Outcome) -> Outcome:
    """A record and warnings, or one error with its place, never a traceback; each line valid JSON."""
    assert outcome.code in (0, 2), outcome
    assert "Traceback" not in outcome.err
    assert "gdcli has failed" not in outcome.err
    record = outcome.json()
    errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    if record.get("status") == "error":
        assert outcome.code == 2
        assert errors == [f"error: {record['message']}"]
        if record["span"] is not None:
            is_placed(record["source"], record["span"])
    else:
        assert errors == []
    return outcome


def listed(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


TOKENS = [
    *listed("""
        x y v W x sin sum max torch torch. F.relu ones zeros e pi inf nan
        + - * / // % ** @ < == != = ! ~ ^ | || & && << := -> ( ) ( ) [ ] { } , . : ; # $ ? ` \\ ' " 'a' f'{x}'
        0 1 2.5 1e3 1e400 1e 0x1f 1j 1_0 1__0 007 999999999999999999999999999999 1. .5 10**9 ...
        .T .values .sum() .__class__ __import__ dim=0 keepdim=True dtype=torch.int64 *x **x
        lambda if else for in not and import None True yield await async
        ² ⁻¹ ₂ π α 日本 é ｘ ѕ 𝒳 × − √ ∑ ≤ （
    """),
    *[" ", " ", "\t", "\n", "\r", "\0", "\x1b[31m", "\u00a0", "\u2028", "\ud800", "\udcff"],
    *["e\u0301", "\u200b", "\u202e", "\N{PILE OF POO}"],
]


SOUP = st.lists(st.sampled_from(TOKENS), max_size=12).map("".join)


@examples(1_000)
@given(SOUP)
@example("x" + "\udcff")
@example("'" * 3)
@example("Ｔｒｕｅ")
@example("1e31e31j")
def test_token_soup_is_evaluated_or_refused_at_its_place(text: str) -> None:
    by_gdcli(text)


@examples(500)
@given(st.text(max_size=20))
def test_any_text_is_evaluated_or_refused_at_its_place(text: str) -> None:
    by_gdcli(text)
    by_gdcli(f"x + sin({text})")


@examples(150)
@given(st.one_of(SOUP, st.text(max_size=20)), st.sampled_from(["ops", "grad"]))
def test_soup_gives_a_record_or_one_error(text: str, command: str) -> None:
    record_or_error(command, text)


ARGUMENTS = listed("""
    x v W W -v v>0 W[0] [v,v] [x,1] [1,2] [[1,2],[3]] [] (1,0) () (v,v) long(v) v.max(0) torch.sin
    0 1 -1 2 3 0.5 -0.0 1e-30 10**9 2**62 -(2**62) inf nan True None 'mean' 'sum' 'none' 'floor'
    torch.float64 torch.int64 torch.bool dim=0 dim=-1 dim=7 dim=None keepdim=True reduction='sum' p=1 p=inf
    dtype=torch.float64 index=[0] descending=True alpha=2 other=v input=x size=(2,2) steps=3 weight=v eps=0
""")


@examples(1_000)
@given(
    st.sampled_from(["{}({})", "torch.{}({})", "F.{}({})", "v.{}({})", "W.{}({})", "sum({}({}))"]),
    st.sampled_from(sorted(FUNCTIONS)),
    st.lists(st.sampled_from(ARGUMENTS), max_size=4).map(", ".join),
)
@example("{}({})", "norm", "v.max(0)")
@example("{}({})", "normalize", "v.max(0)")
def test_any_call_of_any_function_is_evaluated_or_refused_at_its_place(form: str, name: str, arguments: str) -> None:
    by_gdcli(form.format(name, arguments))


WORDS = [
    *listed("""
        x**2 -x x 1 -1 0.1 nan -- - --- = --= --x= --x==1 -x=1 --x --x=1 --x --y --var --var=x=1 x=1
        --wrt --wrt=x --lr --lr=0.1 --steps --steps=2 --stpes --dtype float64 --dtype=int --seed=3 --momentum=0.9
        --optimizer=sgd --nesterov --no-nesterov --quiet --csv --jsonl --json=1 --digits=3 --every=2 --all -h2
    """),
    *["--é", "--日本=1", "\udc80", "x y", "", " "],
]


def has_errors(printed: str) -> bool:
    """Whether a row of ``ops`` holds an error: in a table, in JSON or in CSV."""
    if printed.startswith("expression,"):
        return any(row["error"] for row in csv.DictReader(io.StringIO(printed)))
    return bool(re.search(r"  error: |\"error\":\{", printed))


@examples(150)
@given(st.sampled_from(["ops", "grad", "minimize", "fit-linear"]), st.lists(st.sampled_from(WORDS), max_size=6))
def test_any_command_line_gives_output_or_one_error(command: str, words: list[str]) -> None:
    outcome = in_process(command, *words, *(["--steps=3"] if command in ("minimize", "fit-linear") else []))
    assert outcome.code in ((0, 1, 2) if command == "fit-linear" else (0, 2)), outcome  # a word may name a file
    assert "Traceback" not in outcome.err
    assert "gdcli has failed" not in outcome.err
    said = "error: " in outcome.err
    failed_rows = command == "ops" and not outcome.err and has_errors(outcome.out)
    assert (said or failed_rows) == (outcome.code != 0)


@examples(100)
@given(st.floats(width=32), st.sampled_from(["float32", "float64"]))
def test_a_number_is_printed_with_all_of_its_digits(number: float, dtype: str) -> None:
    record = in_process("grad", "x * 1", "--x", repr(number), "--dtype", dtype, "--json").json()
    finite = number - number == 0
    assert record["value"] == record["values"]["x"] == (number if finite else None)
