"""The pages of ``gdcli help TOPIC``. Names, codes and limits are read from where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias, get_args


class Rows(NamedTuple):
    """A table of two columns, with a heading."""

    heading: str
    rows: Sequence[tuple[str, str]]


class Examples(NamedTuple):
    """Commands that can be typed."""

    lines: Sequence[str]


Part: TypeAlias = str | Rows | Examples
"""A paragraph, a table or commands."""


def expressions() -> Iterable[Part]:
    """The expression language."""
    from gdcli.lang import lines, scan, syntax
    from gdcli.lang.constants import CONSTANTS
    from gdcli.lang.functions import CATEGORIES
    from gdcli.lang.limits import MAX_ELEMENTS
    from gdcli.lang.operators import BINARY

    signs = [each.symbol for each in BINARY.values() if not each.is_comparison]
    comparisons = [each.symbol for each in BINARY.values() if each.is_comparison]
    yield (
        "An expression is PyTorch code: what is typed means what it means in Python after 'from torch import *', and "
        "code copied from a notebook runs as it is. Put it in quotation marks, since a shell reads brackets and * "
        "itself."
    )
    yield Rows(
        "what is written",
        [
            ("3, 1e-3", "numbers; with lists and constructors they become tensors of --dtype"),
            (", ".join(CONSTANTS), "constants, unless the name is given a value"),
            ("x, W, α", "any other name is a variable: --x 3 gives its value (gdcli help values)"),
            (" ".join(signs), "operators, as in Python: x**2 is a power, A @ B a matrix product"),
            (" ".join(comparisons), "one comparison, which makes a bool tensor"),
            ("[1, 2, 3.0]", "a list is a tensor, a list of lists a matrix"),
            ("x[0], W[0, 1:3]", "indexing and slices"),
            ("relu(x), x.relu()", "calls as functions, with or without torch. before them, or as methods; W.T"),
        ],
    )
    yield Rows(
        "functions (gdcli functions)",
        [(subject, _some([row.name for row in rows], 5)) for subject, rows in CATEGORIES.items()],
    )
    yield Rows(
        "limits",
        [
            (f"{scan.MAX_CHARACTERS:,}", f"characters of an expression; {lines.MAX_CHARACTERS:,} of a program"),
            (f"{syntax.MAX_NODES:,}", f"parts of an expression, nested at most {scan.MAX_NESTING} deep"),
            (f"{MAX_ELEMENTS:,}", "elements of a tensor"),
        ],
    )
    yield Examples(
        ('gdcli grad "log(x**2 + y**2)" --x 15 --y 24', 'gdcli ops "relu([-1, 2])" "W @ x" --W "eye(2)" --x 1,2')
    )


def _some(names: Sequence[str], most: int) -> str:
    """The first names, and how many there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def values() -> Iterable[Part]:
    """How variables get their values."""
    yield (
        "Each variable of an expression has an option of its name. Its value is written in the language of "
        "expressions, without variables. Options and the expression come in any order."
    )
    yield Rows(
        "values",
        [
            ("--x -3, --x=1e-3", "a number"),
            ("--theta pi/4", "an expression of numbers"),
            ("--x 1,2,3", "a vector; --x [[1,2],[3,4]] is a matrix"),
            ('--W "rand(3, 4)"', "a constructor; --seed governs what is drawn"),
            ("--var lr=3", "a variable that is called like an option"),
        ],
    )
    yield Rows(
        "from files",
        [
            ("--x @ex1.csv:profit", "a column of CSV, by its name or its number from 0"),
            ("--x @m.csv", "the whole table, a matrix"),
            ("--x @run.json:result.values.W", "the numbers of JSON at a key"),
            ("--x @data.npy", "an array of NumPy; @data.npz:name is one of several"),
            ("--x @data.parquet:x", "a column of Parquet, with the extra data"),
            ("--x @-", "standard input"),
        ],
    )
    yield "Lists, numbers and constructors become tensors of --dtype, float32 by default."
    yield Examples(('gdcli grad "sum((W @ x)**2)" --W "rand(2, 3)" --x 1,2,3', 'gdcli grad "lr * x" --var lr=3 --x 2'))


def programs() -> Iterable[Part]:
    """Statements in the place of an expression."""
    yield (
        "Wherever an expression is taken, a program is too: the statements of a notebook's cell, with names for what "
        "lies between. It comes as one argument, from a file (--file cell.py) or from standard input (--file -)."
    )
    yield Rows(
        "what it says",
        [
            ("x = torch.tensor(3.)", "a value; --x 5 gives it another one"),
            ("y = x**2", "a name for what lies between, which the tape, errors and the diagnosis use"),
            ("requires_grad=True", "these values move; where none has it, all floating-point values do"),
            ("loss.backward()", "which value is meant; otherwise that of the last statement"),
            ("def f(x): return x**2", "a function, also as f = lambda x: x**2"),
            ("print(y)", "a row of gdcli ops"),
        ],
    )
    yield "--wrt names the variables to differentiate by, whatever the program says."
    yield Examples(('gdcli grad "x = torch.tensor(3.); y = x**2; z = y + x" --x 5',))


def diagnosis() -> Iterable[Part]:
    """What the findings about a descent mean."""
    from gdcli.contract.diagnosis import MEANINGS
    from gdcli.contract.watch import WatchFindingCode

    yield (
        "Below the table of a descent stands what happened and what to change. Nothing is said that was not checked: "
        "a remedy was run as you would run it, and did better; a number of steps was counted. --no-diagnose turns it "
        "off. In JSON, each finding has a code, a message, its numbers and a remedy."
    )
    yield Rows("code", list(MEANINGS.items()))
    watched = [code for code in get_args(WatchFindingCode) if code not in MEANINGS]
    yield f"gdcli watch, which shows what the loop of a script did, has some of these, and {', '.join(watched)}."
    yield Examples(('gdcli minimize "x**2 + 4*y**2" --x 1 --y 1 --lr 0.3',))


def json() -> Iterable[Part]:
    """The output for programs."""
    from gdcli.cli.output import FORMATS, described
    from gdcli.contract.descent import DescentStatus
    from gdcli.contract.envelope import SCHEMA
    from gdcli.contract.records import RECORDS

    yield (
        "--json prints one document, and then nothing else is on standard output: in a pipe or a file as one line, on "
        "a terminal indented. It is strict JSON: a number that is not finite is null. A float32 is written as the "
        "exact decimal value that it has as a float64. Nothing depends on the time, the terminal or the machine's name."
    )
    yield Rows(
        "key",
        [
            ("gdcli, schema, command", f"the version; the number of the contract, now {SCHEMA}; the command"),
            ("settings", "every setting of the run, defaults included; a config (--config) that repeats it"),
            ("status, message", "how it ended, as a word and as a sentence"),
            ("iterations", "of a descent: iteration, loss, values and grads before each update"),
            ("result, best", "of a descent: the point after the last update, and the one with the smallest loss"),
            ("diagnosis", "of a descent: what happened and what to change (gdcli help diagnosis)"),
            ("warnings", "what a reader should know, each with a code and a message"),
        ],
    )
    formats = [(f"--{name}", described(text, ("iterations",))) for name, text in FORMATS.items()]
    yield Rows("formats", formats)
    yield f"status of a descent: {', '.join(get_args(DescentStatus))}; of an error: error, with code, message and hint."
    yield f"gdcli schema COMMAND prints the JSON Schema of {', '.join(RECORDS)}."
    yield Examples(("gdcli minimize --steps 3 --json", "gdcli schema minimize"))


def exit_codes() -> Iterable[Part]:
    """What the exit code of a command says."""
    from gdcli.errors import ExitCode

    yield Rows("exit code", [(str(int(code)), code.meaning) for code in ExitCode])
    yield (
        "gdcli watch ends with the exit code of the script. With --json an error is a document too, and its text goes "
        "to standard error."
    )


TOPICS: dict[str, tuple[str, Callable[[], Iterable[Part]]]] = {
    "expressions": ("The expression language, its functions and limits", expressions),
    "values": ("How variables get their values, also from files", values),
    "programs": ("Statements in the place of an expression", programs),
    "diagnosis": ("What the findings about a descent mean", diagnosis),
    "json": ("The output for programs", json),
    "exit-codes": ("What the exit code of a command says", exit_codes),
}
"""The pages by name, each with its title."""
