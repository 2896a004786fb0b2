"""``--config``: files of settings, what they may hold, and a run's record that reproduces the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config in TOML."""
    file = tmp_path / "run.toml"
    file.write_text('expression = "(x - 2)**2"\nlr = 0.25\nsteps = 2\n[values]\nx = 4\n')
    return file


def test_a_config_in_toml_and_in_json_says_the_same(run: Run, config: Path, tmp_path: Path) -> None:
    other = tmp_path / "run.json"
    settings = {"expression": "(x - 2)**2", "lr": 0.25, "steps": 2, "values": {"x": 4}}
    other.write_text(json.dumps(settings))
    outcome = run("minimize", "--config", str(config), "--json")
    assert outcome == run("minimize", "--config", str(other), "--json")
    assert outcome == run("minimize", "--config", "-", "--json", stdin=json.dumps(settings))
    record = outcome.json()
    assert {name: record["settings"][name] for name in settings} == settings
    assert record["result"]["values"] == {"x": 2.5}


def test_the_command_line_wins_over_the_config_and_the_config_over_the_defaults(run: Run, config: Path) -> None:
    words = ["minimize", "--config", str(config), "--json"]
    assert run(*words, "--steps", "1").json()["settings"]["steps"] == 1
    assert run(*words, "--x", "3").json()["settings"]["values"] == {"x": "3"}
    assert run(*words, "x**2").json()["settings"]["expression"] == "x**2"
    assert run(*words).json()["settings"]["lr"] == 0.25
    assert run(*words, "--lr", "0.1").json()["settings"]["lr"] == 0.1


def test_variables_of_the_command_line_join_those_of_the_config(run: Run, config: Path) -> None:
    record = run("minimize", "x**2 + y", "--config", str(config), "--y", "1", "--json").json()
    assert record["settings"]["values"] == {"x": 4, "y": "1"}


def test_the_config_of_windows_begins_with_a_mark(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text('{"steps": 1}', encoding="utf-8-sig")
    assert run("minimize", "--config", str(file), "--json").json()["settings"]["steps"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["ops"],
        ["ops", "a @ b", "rand(2)", "--a", "1,2", "--b", "3,4", "--seed", "3"],
        ["ops", "1/0", "α", "--α", "nan"],
        ["grad"],
        ["grad", "sum(W @ x) + lr", "--W", "rand(3, 4)", "--x", "arange(4)", "--var", "lr=3", "--dtype", "float64"],
        ["minimize"],
        ["minimize", "x**2 + y**4", "--x", "-1e-3", "--y", "pi/4", "--lr", "0.3", "--steps", "7", "--wrt", "y"],
        ["minimize", "sum((x - π)**2)", "--x", "randn(3)", "--seed", "7", "--optimizer", "sgd", "--momentum", "0.9"],
        ["minimize", "--update", "rebind", "--steps", "3"],
        ["minimize", "--lr", "1.5", "--dtype", "bfloat16"],
        ["minimize", "--lr-factor", "5=0.5", "--lr-factor", "20=1.25", "--steps", "30"],
        ["fit-linear", "--lr-factor", "0=0.1", "--optimizer", "adam"],
        ["fit-linear"],
        ["fit-linear", "--activation", "leaky_relu", "--seed", "3", "--lr", "0.03", "--steps", "4"],
    ],
)
def test_a_record_is_a_config_that_reproduces_it_byte_for_byte(run: Run, words: list[str]) -> None:
    record = run(*words, "--json")
    assert record.json()["settings"]
    assert run(words[0], "--config", "-", "--json", stdin=record.out) == record
    settings = json.dumps(record.json()["settings"])
    assert run(words[0], "--config", "-", "--json", stdin=settings) == record


def test_the_first_line_of_a_stream_is_a_config_too(run: Run) -> None:
    lines = run("minimize", "--steps", "3", "--lr", "0.2", "--jsonl").out.splitlines(keepends=True)
    again = run("minimize", "--config", "-", "--jsonl", stdin=lines[0])
    assert again.out == "".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"stpes": 3}, "unknown setting 'stpes'", "did you mean 'steps'?"),
        ({"Lr": 3}, "unknown setting 'Lr'", "did you mean 'lr'?"),
        ({"steps": "3"}, "'steps' in {file} must be a whole number of at least 0, not '3'", "for example: 100"),
        ({"steps": 1.5}, "'steps' in {file} must be a whole number of at least 0, not '1.5'", "for example: 100"),
        ({"steps": True}, "'steps' in {file} must be a whole number of at least 0, not 'true'", "for example: 100"),
        ({"steps": None}, "'steps' in {file} must be a whole number of at least 0, not 'null'", "for example: 100"),
        ({"steps": [3]}, "'steps' in {file} must be a whole number of at least 0, not '[3]'", "for example: 100"),
        ({"seed": -1}, "'seed' in {file} must be a whole number of at least 0, not '-1'", "for example: 1"),
        (
            {"lr_factor": {"x": 2}},
            "lr_factor needs an iteration, a non-negative integer, not 'x'",
            "for example: --lr-factor 50=0.5",
        ),
        (
            {"lr_factor": {"05": 2}},
            "lr_factor needs an iteration, a non-negative integer, not '05'",
            "for example: --lr-factor 50=0.5",
        ),
        ({"expression": 3}, "'expression' in {file} must be a string, not '3'", ""),
        (
            {"dtype": "flaot64"},
            "'dtype' in {file} must be one of float32, float64, float16, bfloat16, not 'flaot64'",
            "did you mean 'float64'?",
        ),
        ({"wrt": 3}, "'wrt' in {file} must be a list of strings, not '3'", "for example: x"),
        ({"wrt": ["y"]}, "wrt names 'y', which is not a variable of the expression", "the only variable is x"),
        ({"values": 3}, "'values' in {file} must be a table of names and values, not '3'", 'for example: {{"x": 3}}'),
        (
            {"values": {"x": None}},
            """'values' in {file} must be a table of names and values, not '{{"x":null}}'""",
            'for example: {{"x": 3}}',
        ),
        ({"values": {"y": 1}}, "the expression has no variable 'y'", "the only variable is x"),
        ({"bound": {"x": "-9,9"}}, "'bound' in {file} takes NAME=LOW:HIGH, not 'x=-9,9'", "did you mean 'x=-9:9'?"),
        ({"values": {"x": ""}}, "the variable 'x' has an empty value", "for example: --x 1"),
        ({"values": {"x": "1/0"}}, "in the value of x: division by zero\n  1/0\n  ^^^", ""),
        (
            {"values": {"x": [[1, 2], [3]]}},
            "in the value of x: the rows of this list have different lengths\n  [[1, 2], [3]]\n  ^^^^^^^^^^^^^",
            "",
        ),
        (
            {"values": {"x": ["a"]}},
            "in the value of x: quoted text is not part of the expression language\n  ['a']\n   ^^^",
            "remove the quotes",
        ),
        ({"expression": "sinn(x)"}, "unknown function 'sinn'\n  sinn(x)\n  ^^^^", "did you mean 'sin'?"),
        ([1, 2], "the config {file} contains no table of settings", 'for example: {{"lr": 0.1}}'),
        (3, "the config {file} contains no table of settings", 'for example: {{"lr": 0.1}}'),
        ({"gdcli": "0.1.0", "settings": {"stpes": 3}}, "unknown setting 'stpes'", "did you mean 'steps'?"),
    ],
)
def test_a_config_that_does_not_fit(run: Run, tmp_path: Path, settings: Any, message: str, hint: str) -> None:
    file = tmp_path / "run.json"
    file.write_text(json.dumps(settings))
    outcome = run("minimize", "--config", str(file))
    hint = f"\nhint: {hint}" if hint else ""
    assert outcome.err == f"error: {message}{hint}\n".format(file=file)
    assert (outcome.code, outcome.out) == (2, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr = ", "the config {file} is not TOML: invalid value (at line 1, column 1)"),
        ('steps = "3"', "'steps' in {file} must be a whole number of at least 0, not '3'"),
        ("nesterov = 1", "'nesterov' in {file} must be true or false, not '1'"),
        ("stpes = 3", "unknown setting 'stpes'"),
        ("[values]\nx = 1979-05-27", "'values' in {file} must be a table of names and values, not '"),
        ("[values]\ny = 3", "the expression has no variable 'y'"),
        ("steps = 1\nsteps = 2", "the config {file} is not TOML: 'steps' is given twice (at line 2, column 1)"),
        ("é", "the config {file} is not TOML: invalid statement (at line 1, column 1)"),
    ],
)
def test_a_config_in_toml_that_does_not_fit(run: Run, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text, encoding="utf-8")
    outcome = run("minimize", "--config", str(file))
    assert outcome.err.startswith("error: " + message.format(file=file))
    assert (outcome.code, outcome.out) == (2, "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            '{"lr": 0.1,\n "values": {"x": 1},\n "lr": 0.2}',
            "'lr' is given twice in the config {file} (at line 3, column 2)\n   \"lr\": 0.2}\n   ^^^^",
        ),
        ('{"values": {"x": 1, "x" : 1}}', "'x' is given twice in the config {file} (at line 1, column 21)"),
        ('{"lr": 1, "values": {"lr": 2, "lr": 3}}', "'lr' is given twice in the config {file}\nhint"),
        ('{"a\\u001b": 1, "a\\u001b": 2}', "'a\\x1b' is given twice in the config {file}"),
    ],
    ids=["settings", "values", "several", "control character"],
)
def test_a_key_twice_in_a_config_in_json(run: Run, tmp_path: Path, text: str, error: str) -> None:
    file = tmp_path / "run.json"
    file.write_text(text)
    outcome = run("minimize", "--config", str(file))
    assert outcome.err.startswith("error: " + error.replace("{file}", str(file)))
    assert outcome.err.endswith("hint: keep one of them\n")
    assert (outcome.code, outcome.out) == (2, "")


def test_a_config_of_another_command_is_refused(run: Run) -> None:
    record = run("minimize", "--steps", "1", "--json").out
    outcome = run("grad", "--config", "-", stdin=record)
    assert outcome.err == (
        "error: the config - is the record of minimize, not of grad\nhint: gdcli minimize --config - runs it again\n"
    )
    assert outcome.code == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing.toml", "No such file or directory"), (".", "Is a directory"), ("a/b", "No such file")],
)
def test_a_config_that_cannot_be_read_is_an_error_of_the_outside(
    run: Run, tmp_path: Path, name: str, reason: str
) -> None:
    outcome = run("minimize", "--config", str(tmp_path / name), "--json")
    assert outcome.err.startswith(f"error: cannot read the config {tmp_path / name}: {reason}")
    assert (outcome.code, outcome.json()["code"]) == (1, "config")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["50"], "--lr-factor takes ITERATION=FACTOR, not '50'", "for example: --lr-factor 50=0.5"),
        (["5=half"], "--lr-factor must be factors of at least 0, each with its iteration, not '{\"5\":\"half\"}'",
         "for example: --lr-factor 50=0.5"),
        (["5=-1"], "--lr-factor must be factors of at least 0, each with its iteration, not '{\"5\":-1}'",
         "for example: --lr-factor 50=0.5"),
        (["5=inf"], "the factor from iteration 5 on is not finite", "for example: --lr-factor 50=0.5"),
        (["1e3=2"], "lr_factor needs an iteration, a non-negative integer, not '1e3'",
         "for example: --lr-factor 50=0.5"),
    ],
)  # fmt: skip
def test_a_factor_of_the_rate_that_does_not_fit(run: Run, words: list[str], message: str, hint: str) -> None:
    outcome = run("minimize", "--lr-factor", *words)
    assert outcome.err == f"error: {message}\n" + (f"hint: {hint}\n" if hint else "")
    assert outcome.code == 2


SCALARS = [
    ("minimize", "tol_grad", 1e-3, [1e-3]),
    ("minimize", "tol_loss", "1e-3,1e-2", [1e-3, 1e-2]),
    ("minimize", "tol_x", 1, [1.0]),
    ("minimize", "wrt", "x", ["x"]),
    ("minimize", "bound", {"x": "-5:5"}, {"x": [-5.0, 5.0]}),
    ("minimize", "optimizer", "torch.optim.SGD", "sgd"),
    ("minimize", "dtype", "torch.float64", "float64"),
    ("compare", "rate_range", "1e-3:1", [1e-3, 1.0]),
    ("compare", "optimizer", "Adam,SGD", ["adam", "sgd"]),
    ("fit-linear", "activation", "nn.ReLU", "relu"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "key", "value", "setting"), SCALARS)
def test_a_config_may_say_what_an_option_may(
    run: Run, tmp_path: Path, command: str, key: str, value: Any, setting: Any
) -> None:
    config = {key: value, "steps": 2, **({"tune": True, "rates": 2} if key == "rate_range" else {})}
    in_json, in_toml = tmp_path / "run.json", tmp_path / "run.toml"
    in_json.write_text(json.dumps(config))
    in_toml.write_text("\n".join(f"{k} = {json.dumps(v).replace(': ', ' = ')}" for k, v in config.items()))
    for file in (in_json, in_toml):
        outcome = run(command, "--config", str(file), "--json")
        assert outcome.err == ""
        assert outcome.json()["settings"][key] == setting


@pytest.mark.parametrize(
    ("name", "text", "message", "hint"),
    [
        ("run.toml", "x = 3", "unknown setting 'x'",
         "if 'x' is a variable, its value stands in a table: [values], with x = 3 below it"),
        ("run.toml", 'expression = "step**2"\nstep = 3', "unknown setting 'step'",
         "the values of variables stand in a table: [values], with step = 3 below it"),
        ("run.json", '{"x": [1, 2]}', "unknown setting 'x'",
         "if 'x' is a variable, its value stands in a table: \"values\": {\"x\": [1,2]}"),
        ("run.toml", "[lr]\nx = 3", "'lr' in {file} must be a number of at least 0, or auto, not a table",
         "the table of the rates of variables is [lrs]"),
        ("run.toml", "digits = 3", "unknown setting 'digits'", "use the option --digits, which is not for a config"),
        ("run.toml", "explain = true", "unknown setting 'explain'", "it is a setting of grad"),
        ("run.toml", "tol-grad = 3", "unknown setting 'tol-grad'", "did you mean 'tol_grad'?"),
        ("run.toml", "learning_rate = 3", "unknown setting 'learning_rate'", "did you mean 'lr'?"),
        ("run.json", '{"gdcli": "0.1.0", "command": "minimize", "status": "error"}',
         "the config {file} is a record without settings", "the record of a run has settings: gdcli minimize --json"),
        ("run.json", '{"gdcli": "0.1.0", "command": "ops", "settings": {}}',
         "the config {file} is the record of ops, not of minimize", "gdcli ops --config {file} runs it again"),
        ("run.json", "3", "the config {file} contains no table of settings", 'for example: {"lr": 0.1}'),
    ],
)  # fmt: skip
def test_a_config_that_does_not_fit_says_where_its_keys_belong(
    run: Run, tmp_path: Path, name: str, text: str, message: str, hint: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    outcome = run("minimize", "--config", str(file))
    assert outcome.err == f"error: {message}\nhint: {hint}\n".replace("{file}", str(file))
    assert (outcome.code, outcome.out) == (2, "")


def test_the_first_of_json_lines_is_a_config_as_the_hint_says(run: Run, tmp_path: Path) -> None:
    lines = run("minimize", "--steps", "3", "--jsonl").out
    (tmp_path / "run.jsonl").write_text(lines)
    said = run("minimize", "--config", str(tmp_path / "run.jsonl")).err
    assert said.endswith(f"hint: the first line has the settings: head -n 1 {tmp_path}/run.jsonl | "
                         "gdcli minimize --config -\n")  # fmt: skip
    again = run("minimize", "--config", "-", "--jsonl", stdin=lines.partition("\n")[0])
    assert (again.code, again.out) == (0, lines)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["ops", "grad", "fit-linear", "compare", "plot"])
def test_the_record_of_another_command_is_named(run: Run, command: str) -> None:
    record = run("minimize", "--steps", "1", "--json").out
    outcome = run(command, "--config", "-", stdin=record)
    assert outcome.err.startswith(f"error: the config - is the record of minimize, not of {command}\n")
    assert run("minimize", "--config", "-", "--json", stdin=record).out == record


TABLE = "the values of variables stand in a table: [values], with x = 3 below it"
OTHER_NAMES = [
    ("minimize", 'expr = "x**2"', "did you mean 'expression'?"),
    ("minimize", 'func = "x**2"', "did you mean 'expression'?"),
    ("minimize", 'function = "x**2"', "did you mean 'expression'?"),
    ("compare", 'objective = "x**2"', "did you mean 'expression'?"),
    ("ops", 'expr = ["x**2"]', "did you mean 'expressions'?"),
    ("ops", 'expression = ["x**2"]', "did you mean 'expressions'?"),
    ("minimize", 'expressions = "x**2"', "did you mean 'expression'?"),
    ("minimize", "learning_rate = 0.1", "did you mean 'lr'?"),
    ("minimize", "learning-rate = 0.1", "did you mean 'lr'?"),
    ("minimize", "alpha = 0.1", "did you mean 'lr'?"),
    ("minimize", "iterations = 3", "did you mean 'steps'?"),
    ("minimize", "epochs = 3", "did you mean 'steps'?"),
    ("fit-linear", "max_iter = 3", "did you mean 'steps'?"),
    ("minimize", 'optim = "adam"', "did you mean 'optimizer'?"),
    ("minimize", 'optimiser = "adam"', "did you mean 'optimizer'?"),
    ("minimize", "random_state = 3", "did you mean 'seed'?"),
    ("minimize", "max_norm = 3", "did you mean 'clip_norm'?"),
    ("minimize", "tolerance = 1e-3", "did you mean 'tol_grad'?"),
    ("minimize", "x0 = 3", TABLE),
    ("minimize", "start = 3", TABLE),
    ("minimize", 'alpha = 3\nexpression = "alpha**2"', TABLE.replace("x =", "alpha =")),
    ("grad", "lr = 0.1", "it is a setting of minimize, fit-linear, compare, sweep"),
    ("grad", "learning_rate = 0.1", "'lr' is a setting of minimize, fit-linear, compare, sweep"),
    ("fit-linear", 'expression = "x**2"', "it is a setting of grad, minimize, compare, sweep, plot"),
    ("fit-linear", 'func = "x**2"', "'expression' is a setting of grad, minimize, compare, sweep, plot"),
    ("minimize", "digits = 3", "use the option --digits, which is not for a config"),
    ("minimize", 'config = "a"', "leave it out: a config does not name another"),
    ("minimize", "[minimize]\nlr = 0.1", "the settings of minimize stand at the top level, not in a table 'minimize'"),
    ("minimize", "[settings]\nlr = 0.1", "its keys stand at the top level, without a table 'settings'"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "text", "hint"), OTHER_NAMES)
def test_a_key_under_another_name_leads_to_the_setting(
    run: Run, tmp_path: Path, command: str, text: str, hint: str
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text)
    outcome = run(command, "--config", str(file))
    assert (outcome.code, outcome.err.partition("\nhint: ")[2]) == (2, f"{hint}\n")
    value = text.partition("\n")[0].partition(" = ")[2]
    short = ["--no-diagnose"] if command in ("minimize", "fit-linear") else []
    if hint.startswith("did you mean"):
        file.write_text(f"{hint.split(chr(39))[1]} = {value}")
        led = run(command, "--config", str(file), *(["--x", "2"] if "x**2" in text else []), *short)
        assert led.code == 0, led.err
    elif hint.startswith("the values"):
        expression = text.partition("\n")[2] or 'expression = "x**2"'
        file.write_text(f"{expression}\n[values]\n{hint.partition('with ')[2].removesuffix(' below it')}")
        assert run(command, "--config", str(file), *short).code == 0


def test_a_config_may_name_its_command(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('command = "fit-linear"\nsteps = 2')
    outcome = run("compare", "--config", str(file))
    assert outcome.err == (
        f"error: the config {file} is for fit-linear, not for compare\nhint: gdcli fit-linear --config {file} runs it\n"
    )
    assert run("fit-linear", "--config", str(file), "--json").json()["settings"]["steps"] == 2
    file.write_text('command = "fit-liner"')
    assert run("fit-linear", "--config", str(file)).err == (
        f"error: the config {file} names the command 'fit-liner', which there is not\n"
        "hint: did you mean 'fit-linear'?\n"
    )


REPLACED = {
    "--optimizer sgd --momentum 0.9": ("--optimizer adam", ["--optimizer", "adam"]),
    "--optimizer adam --opt eps=1e-6": ("--optimizer sgd", ["--optimizer", "sgd"]),
    "--optimizer adam --opt eps=1e-6 ": (
        "--optimizer adam --opt eps=1e-6 --opt amsgrad=true",
        ["--opt", "amsgrad=true"],
    ),
    "--schedule exponential --sched gamma=0.8": ("", ["--schedule", "none"]),
    "--schedule exponential --sched gamma=0.8 ": ("--schedule exponential --sched gamma=0.5", ["--sched", "gamma=0.5"]),
    "--schedule exponential --sched gamma=0.8  ": (
        "--schedule step --sched step_size=10",
        ["--schedule", "step", "--sched", "step_size=10"],
    ),
    "--bound x=0:": ("--bound x=0:1", ["--bound", "x=0:1"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("given", REPLACED)
def test_a_rule_or_schedule_over_a_config_takes_none_of_the_old_parameters(
    run: Run, tmp_path: Path, given: str
) -> None:
    """As a remedy is pasted behind the command: the same steps as the command that says it at once."""
    whole, more = REPLACED[given]
    base = ["minimize", "x**2", "--x", "1", "--lr", "0.1", "--steps", "30", "--json"]
    record = run(*base, *given.split())
    (tmp_path / "run.json").write_text(record.out)
    expected = json.loads(run(*base, *whole.split()).out)
    found = json.loads(run("minimize", "--config", str(tmp_path / "run.json"), *more, "--json").out)
    assert found["iterations"] == expected["iterations"]
    assert found["settings"] == expected["settings"]


@pytest.mark.slow
@pytest.mark.parametrize("first", [["--sched", "gamma=0.8"], ["--sched=gamma=0.8"]])
@pytest.mark.parametrize("flag", [["--schedule", "exponential"], ["--schedule=exponential"]])
def test_a_later_schedule_replaces_the_one_before_with_its_parameters(
    run: Run, first: list[str], flag: list[str]
) -> None:
    base = ["minimize", "x**2", "--x", "1", "--lr", "0.1", "--steps", "30", "--json"]
    assert run(*base, *flag, *first, "--schedule", "none").out == run(*base).out
    linear = ["--schedule", "linear", "--sched", "total_iters=3"]
    assert run(*base, *flag, *first, *linear).out == run(*base, *linear).out
    assert run(*base, *first, *flag).out == run(*base, *flag, *first).out


def wrong(text: str, what: str, marked: str, hint: str) -> tuple[str, str, str, str]:
    return text, what, marked, hint


# A config, what is said of it, the text above the carets, and the text that the hint puts in its place; "" for nothing.
SYNTAX_OF_JSON = [
    wrong('{"lr": 0.1,}', "trailing comma in object (at line 1, column 11)", ",", ""),
    wrong('{\n  "values": {"x": [1, 2,]}\n}', "trailing comma in array (at line 2, column 24)", ",", ""),
    wrong('{"lr": 0.1\n // slow\n}', "JSON has no comments (at line 2, column 2)", "// slow", ""),
    wrong('{"lr": 0.1, # slow\n "steps": 3}', "JSON has no comments (at line 1, column 13)", "# slow", ""),
    wrong("{'lr': 0.1}", "a string stands in double quotation marks (at line 1, column 2)", "'lr'", '"lr"'),
    wrong('{"expression": \'x**2\', "values": {"x": 1}}',
          "a string stands in double quotation marks (at line 1, column 16)", "'x**2'", '"x**2"'),
    wrong('{"expression": “x**2”, "values": {"x": 1}}',
          "a string stands in double quotation marks (at line 1, column 16)", "“x**2”", '"x**2"'),
    wrong('{"expression": x**2 + 1, "values": {"x": 1}}',
          "a string stands in double quotation marks (at line 1, column 16)", "x**2 + 1", '"x**2 + 1"'),
    wrong('{lr: 0.1}', "a string stands in double quotation marks (at line 1, column 2)", "lr", '"lr"'),
    wrong('{"maximize": True}', "JSON writes True as true (at line 1, column 14)", "True", "true"),
    wrong('{"tol_x": None}', "JSON writes None as null (at line 1, column 11)", "None", "null"),
    wrong('{"lr": .1}', "JSON does not write a number as .1 (at line 1, column 8)", ".1", "0.1"),
    wrong('{"lr": 1.}', "JSON does not write a number as 1. (at line 1, column 8)", "1.", "1"),
    wrong('{"lr": +1}', "JSON does not write a number as +1 (at line 1, column 8)", "+1", "1"),
    wrong('{"wrt": ["x"], "lr": 01}', "JSON does not write a number as 01 (at line 1, column 22)", "01", "1"),
]  # fmt: skip
SYNTAX_OF_TOML = [
    wrong("expression = x**2", "invalid value (at line 1, column 14)", "x**2", 'expression = "x**2"'),
    wrong('expression = "x**2\n[values]\nx = 1', "illegal character '\\n' (at line 1, column 14)", '"x**2',
          'expression = "x**2"'),
    wrong('expression = x**2"', "invalid value (at line 1, column 14)", 'x**2"', 'expression = "x**2"'),
    wrong("expression = “x**2”", "invalid value (at line 1, column 14)", "“x**2”", 'expression = "x**2"'),
    wrong("steps = 3\nmaximize = True", "invalid value (at line 2, column 12)", "True", "maximize = true"),
    wrong("lr = 1e-3,", "expected newline or end of document after a statement (at line 1, column 6)", "1e-3,",
          "lr = 1e-3"),
    wrong("lr = .1", "invalid value (at line 1, column 6)", ".1", "lr = 0.1"),
    wrong("lr = 1.", "expected newline or end of document after a statement (at line 1, column 6)", "1.", "lr = 1.0"),
    wrong("lr: 0.1", "expected '=' after a key in a key/value pair (at line 1, column 3)", ": 0.1", "lr = 0.1"),
    wrong("lr == 0.1", "invalid value (at line 1, column 4)", "== 0.1", "lr = 0.1"),
    wrong("lr = 0.1 // slow", "expected newline or end of document after a statement (at line 1, column 6)",
          "0.1 // slow", "lr = 0.1"),
    wrong('[values\nx = 1', "expected ']' at the end of a table declaration (at line 1, column 8)", "", "[values]"),
    wrong("// slow\nlr = 0.1", "a comment begins with # (at line 1, column 1)", "// slow", "# slow"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("text", "what", "marked", "better"), [*SYNTAX_OF_JSON, *SYNTAX_OF_TOML])
def test_the_syntax_of_a_config_is_put_right_by_its_hint(
    run: Run, tmp_path: Path, text: str, what: str, marked: str, better: str
) -> None:
    kind = "JSON" if text.startswith("{") else "TOML"
    file = tmp_path / f"run.{kind.lower()}"
    file.write_text(text, encoding="utf-8")
    outcome = run("minimize", "--config", str(file), "--steps", "1")
    message, source, carets, hint = outcome.err.rstrip("\n").split("\n")
    assert message == f"error: the config {file} is not {kind}: {what}"
    assert source[carets.index("^") : carets.rindex("^") + 1] == marked
    assert not better or hint == f"hint: write {better}"
    line = next(line for line in text.split("\n") if source[2:] == line)
    whole = kind == "TOML"
    right = text.replace(line, better) if whole else text.replace(marked, better) if marked != "," else ""
    right = right or "".join(text.rsplit(",", 1))
    file.write_text(right, encoding="utf-8")
    assert not {"error: the config"} & {run("minimize", "--config", str(file), "--steps", "1").err[:17]}


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("run.json", "lr = 0.1\n", "the name of a TOML file must end in .toml"),
        ("run.toml", '{"lr": 0.1}', "the name of a JSON file must not end in .toml"),
        ("run.json", '{"lr": 0.1', "close it with }"),
        ("run.json", '{"values": {"x": [1, 2', "close it with ]}}"),
        ("run.json", '{"expression": "x', 'close it with "}'),
        ("run.json", "", 'for example: {"lr": 0.1}'),
        ("run.json", '{"lr": NaN}', "leave the setting out"),
        ("run.json", '{"lr": 0.1 "steps": 3}', "put a comma before it"),
        ("run.json", '{"lr": 0.1; "steps": 3}', "write a comma"),
        ("run.toml", "lr = 0.1\nlr = 0.2\n", "keep one of them"),
        ("run.toml", "lr = 0.1 steps = 3", "put each on a line of its own"),
        ("run.toml", "lr = None", "leave the setting out"),
    ],
)
def test_the_hint_at_the_syntax_of_a_config(run: Run, tmp_path: Path, name: str, text: str, hint: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert run("minimize", "--config", str(tmp_path / name)).err.endswith(f"\nhint: {hint}\n")


@pytest.mark.parametrize("words", [["minimize", "--config"], ["grad", "x**2", "--points"]])
@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("rum.json", "did you mean {folder}/run.json?"),
        ("run.jsonl", "did you mean {folder}/run.json?"),
        ("runs", "it is a folder, which has {folder}/runs/a.json"),
        ("none", "it is a folder; name a file"),
        ("nowhere/run.json", "there is no folder {folder}/nowhere"),
        ("run.json/a", "{folder}/run.json is not a folder"),
        ("zzzzz", "there is no such file in {folder}"),
    ],
)
def test_a_file_that_does_not_exist_is_near_another(
    run: Run, tmp_path: Path, words: list[str], path: str, hint: str
) -> None:
    (tmp_path / "run.json").write_text('{"lr": 0.1}', encoding="utf-8")
    (tmp_path / "runs").mkdir()
    (tmp_path / "none").mkdir()
    (tmp_path / "runs" / "a.json").write_text('{"lr": 0.1}', encoding="utf-8")
    outcome = run(*words, str(tmp_path / path))
    assert outcome.code == 1
    assert outcome.err.endswith(f"\nhint: {hint}\n".format(folder=tmp_path))
