"""The words of a command line: variables, values, expressions and options in any order, and the help."""

from __future__ import annotations

import importlib.metadata
import math
import re
from typing import Any

import pytest
import torch
from conftest import Run

import gdcli
from gdcli.version import TESTED_TORCH

COMMANDS = ["ops", "grad", "minimize", "fit-linear", "functions", "schema"]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        # variables and the expression, in any order
        (["x**2 + y", "--x", "3", "--y", "2"], {"x": 3.0, "y": 2.0}),
        (["--x", "3", "x**2 + y", "--y", "2"], {"x": 3.0, "y": 2.0}),
        (["--y", "2", "--x", "3", "x**2 + y"], {"x": 3.0, "y": 2.0}),
        (["--dtype", "float64", "--x=3", "--seed", "1", "x**2 + y", "--y=2", "--wrt", "x"], {"x": 3.0, "y": 2.0}),
        # values
        (["x**2", "--x", "-3"], {"x": -3.0}),
        (["x**2", "--x=-3"], {"x": -3.0}),
        (["x**2", "--x=-1e-3", "--dtype", "float64"], {"x": -1e-3}),
        (["x**2", "--x", "-(1 + 2)*2"], {"x": -6.0}),
        (["sin(theta)", "--theta", "pi/4", "--dtype", "float64"], {"theta": math.pi / 4}),
        (["sum(x)", "--x", "1,2,3"], {"x": [1.0, 2.0, 3.0]}),
        (["sum(x)", "--x", "-1, -2"], {"x": [-1.0, -2.0]}),
        (["sum(x)", "--x", "[[1, 2], [3, 4]]"], {"x": [[1.0, 2.0], [3.0, 4.0]]}),
        (["sum(x)", "--x", "[1,2],[3,4]"], {"x": [[1.0, 2.0], [3.0, 4.0]]}),
        (["sum(x)", "--x", "zeros(2)"], {"x": [0.0, 0.0]}),
        (["sum(x)", "--x", "torch.arange(3, dtype=torch.float32)"], {"x": [0.0, 1.0, 2.0]}),
        (["x**2", "--x", "2 == 2"], {"x": 1.0}),
        # expressions that begin with a minus
        (["-x", "--x", "3"], {"x": 3.0}),
        (["-x**2 + 1", "--x", "3"], {"x": 3.0}),
        (["--x", "3", "--", "-x"], {"x": 3.0}),
        (["--x", "3", "--", "--x"], {"x": 3.0}),
        (["---x", "--x", "3"], {"x": 3.0}),
        (["--x+1", "--x", "3"], {"x": 3.0}),
        # variables that are called like an option
        (["wrt * x", "--var", "wrt=3", "--x", "2"], {"wrt": 3.0, "x": 2.0}),
        (["seed * json", "--var", "seed=3", "--var=json=2"], {"seed": 3.0, "json": 2.0}),
        (["x**2", "--var", "x = 2 + 1"], {"x": 3.0}),
        (["x * y", "--x", "1", "--var", "y=2==2"], {"x": 1.0, "y": 1.0}),
        (["var_ * expression", "--var_", "2", "--expression", "3"], {"var_": 2.0, "expression": 3.0}),
        (["values_ * x_1", "--values_", "2", "--x_1", "3"], {"values_": 2.0, "x_1": 3.0}),
        # other alphabets: Python reads names in their normal form (NFKC)
        (["π*α**2", "--α", "2"], {"α": 2.0}),
        (["ｘ**2", "--x", "2"], {"x": 2.0}),
        (["x**2", "--ｘ", "2"], {"x": 2.0}),
        (["é**2", "--e\u0301", "2"], {"é": 2.0}),
        (["日本 + x⃗", "--日本", "1", "--x⃗=2"], {"日本": 1.0, "x⃗": 2.0}),
    ],
)
def test_words_that_are_understood(run: Run, words: list[str], values: dict[str, Any]) -> None:
    assert run("grad", "--json", *words).json()["values"] == values


def test_the_value_after_a_variable_is_a_value_whatever_it_looks_like(run: Run) -> None:
    assert run("grad", "x**2", "--x", "-h").err == "error: the option '--x' needs a value\nhint: write --x 1\n"
    assert run("grad", "-x", "--x", "-2", "--json").json()["value"] == 2.0


def test_an_expression_that_begins_with_two_minus_signs_comes_after_a_separator(run: Run) -> None:
    assert run("grad", "--json", "--x", "3", "--", "--x*2").json()["value"] == 6.0


def test_white_space_around_an_expression_is_no_part_of_it(run: Run) -> None:
    padded = run("grad", "  x**2\n", "--x", " 3 ")
    assert padded == run("grad", "x**2", "--x", "3")


def test_the_last_of_an_option_that_is_given_twice_counts(run: Run) -> None:
    assert run("minimize", "--steps", "5", "--steps", "2", "--json").json()["settings"]["steps"] == 2
    assert run("minimize", "--x", "1", "--x", "2", "--json").json()["settings"]["values"] == {"x": "2"}
    assert run("grad", "x**2", "--x", "1", "--var", "x=2", "--json").json()["grads"] == {"x": 4.0}
    lr_factor = run("minimize", "--lr-factor", "5=1", "--lr-factor", "5=2", "--json").json()["settings"]["lr_factor"]
    assert lr_factor == {"5": 2.0}


def test_a_short_option_after_an_expression_in_quotation_marks_is_no_part_of_it(run: Run) -> None:
    outcome = run("minimize", "(x - 1.5)**2", "--x", "4", "-q")
    assert (outcome.code, outcome.err) == (2, "error: unknown option '-q'\nhint: did you mean '--quiet'?\n")
    assert "write gdcli minimize" in run("minimize", "x**2", "-y", "--x", "1", "--y", "2").err  # a shell has split it


def test_a_list_of_names_that_is_given_again_adds_to_the_others(run: Run) -> None:
    words = ["--x", "1", "--y", "2", "--z", "3", "--wrt", "x", "--wrt", "z,x", "--json"]
    document = run("grad", "x*y*z", *words).json()
    assert document["settings"]["wrt"] == ["x", "z"]
    assert document["grads"] == {"x": 6.0, "y": None, "z": 2.0}


def test_a_whole_number_may_be_written_in_powers_of_ten(run: Run) -> None:
    assert run("minimize", "--steps", "1e1", "--json").json()["settings"]["steps"] == 10


def test_random_values_depend_on_the_seed_alone(run: Run) -> None:
    words = ["grad", "sum(W) + sum(V)", "--W", "rand(3, 4)", "--V", "randn(2)"]
    assert run(*words) == run(*words, "--seed", "0") != run(*words, "--seed", "1")


@pytest.mark.parametrize("command", ["ops", "grad", "minimize", "fit-linear"])
def test_every_command_works_with_no_arguments(run: Run, command: str) -> None:
    outcome = run(command)
    assert (outcome.code, outcome.err) == (0, "")
    assert run(command, "--json").json()["command"] == command


def test_ops_takes_any_number_of_expressions_and_variables(run: Run) -> None:
    rows = run("ops", "--a", "1", "a + b", "--b", "2", "-a", "a * c", "--c", "1,2", "--json").json()["rows"]
    assert [(row["expression"], row["value"]) for row in rows] == [("a + b", 3.0), ("-a", -1.0), ("a * c", [1.0, 2.0])]


def test_the_defaults_of_ops_take_other_values(run: Run) -> None:
    rows = run("ops", "--a", "1", "--b", "2", "--json").json()["rows"]
    assert [row["value"] for row in rows[-3:]] == [3.0, 2.0, -1.0]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_of_every_command_shows_options_and_examples(run: Run, command: str, option: str) -> None:
    outcome = run(command, option)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"Usage: gdcli {command} ")
    assert f"Examples:\n  gdcli {command}" in outcome.out
    assert "\x1b" not in outcome.out


@pytest.mark.parametrize("command", ["ops", "grad", "minimize", "fit-linear"])
def test_help_names_every_setting(run: Run, command: str) -> None:
    help_text = run(command, "--help").out
    settings = run(command, "--json").json()["settings"]
    shown = set(re.findall(r"--([\w-]+)", help_text))
    words = {name.replace("_", "-") for name in settings} - {"expression", "expressions", "values", "lrs"}
    assert words <= shown | {"var"}


def test_the_list_of_commands_is_the_help(run: Run) -> None:
    assert run("--help") == run("-h") == run()
    listed = set(re.findall(r"^  ([\w-]+) ", run("--help").out, re.MULTILINE))
    assert set(COMMANDS) <= listed
    assert run("--help").code == 0


def test_version(run: Run) -> None:
    outcome = run("--version")
    assert (outcome.code, outcome.out.splitlines()) == (
        0,
        [f"gdcli {gdcli.__version__}", f"torch {torch.__version__} (digits tested with {TESTED_TORCH})"],
    )


def test_version_without_torch(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    second = run("--version").out.splitlines()[1]
    assert second == f"torch is not installed (digits tested with {TESTED_TORCH})"


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "--csv"],
        ["--csv", "--json"],
        ["--json", "--jsonl"],
    ],
)
def test_one_output_format_at_a_time(run: Run, words: list[str]) -> None:
    outcome = run("minimize", *words)
    assert outcome.code == 2
    assert outcome.err.endswith(" cannot be combined\nhint: keep one of them\n")
    assert outcome.json()["code"] == "usage"


@pytest.mark.parametrize("words", [["--json", "minimize"], ["minimize", "--json", "--x"], ["", "--json"]])
def test_a_misplaced_option_is_an_error_document_too(run: Run, words: list[str]) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert outcome.err.startswith(f"error: {outcome.json()['message']}\n")


def test_nothing_but_the_record_is_on_standard_output_with_json(run: Run) -> None:
    outcome = run("minimize", "--lr", "1.5", "--json")
    assert outcome.err.startswith("warning: ")
    assert outcome.json()["status"] == "diverged"


def test_quiet_leaves_out_warnings_and_notes(run: Run) -> None:
    assert run("minimize", "--lr", "1.5", "--json", "--quiet").err == ""
    noted = run("grad").out
    assert "\nnote: y.grad is None" in noted
    assert run("grad", "--quiet").out == noted[: noted.index("note: ")]


def test_digits_change_the_table_and_not_the_numbers(run: Run) -> None:
    words = ["grad", "sin(x)", "--x", "1"]
    assert "0.8415" in run(*words, "--digits", "4").out
    assert "0.8414709568023682" in run(*words, "--digits", "17").out
    assert run(*words, "--digits", "3", "--json") == run(*words, "--json")


def test_user_text_is_never_read_as_markup(run: Run) -> None:
    outcome = run("ops", "[[1, 2]][0]", "a[0] + 0", "--a", "[7, 8]")
    assert "[[1, 2]][0]" in outcome.out
    assert "a[0] + 0" in outcome.out
    assert "[red]x" in run("grad", "[red]x").err


@pytest.mark.parametrize(
    "words", [["ops"], ["grad"], ["minimize"], ["fit-linear"], ["functions", "sin"], ["ops", "1/0"]]
)
def test_no_colour_where_no_terminal_is(run: Run, words: list[str]) -> None:
    outcome = run(*words)
    assert "\x1b" not in outcome.out + outcome.err
    assert not re.search(r" $", outcome.out, re.MULTILINE)


@pytest.mark.parametrize("name", ["ops", "grad", "minimize", "fit-linear", "compare", "plot"])
def test_the_options_of_a_command_are_known_without_building_it(name: str) -> None:
    from gdcli.cli.app import load, module_of
    from gdcli.cli.parameters import flags_of

    options = [p for p in load(name).params if p.param_type_name == "option"]
    assert flags_of(module_of(name).COMMAND) == {flag for p in options for flag in (*p.opts, *p.secondary_opts)}


@pytest.mark.slow
def test_commands_with_an_option_are_those_whose_help_has_it() -> None:
    from gdcli.cli.app import COMMANDS, load
    from gdcli.cli.options import commands_with

    options = {name: [p for p in load(name).params if p.param_type_name == "option"] for name in COMMANDS}
    flags = {name: {flag for p in of for flag in (*p.opts, *p.secondary_opts)} for name, of in options.items()}
    none = ["--stpes", "--no-lr", "--name", "--values", "--sources", "--expression"]
    for flag in [*set().union(*flags.values()), *none]:
        assert commands_with(flag) == [name for name in COMMANDS if flag in flags[name]], flag
