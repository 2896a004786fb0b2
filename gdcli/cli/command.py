"""Building a command from its settings: its options, its help, and the sorting of its arguments.

Every field of the settings is an option of the same name, with the type, bounds and help that the field carries.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, get_args

import msgspec
import typer
from msgspec import Meta, Struct
from msgspec.structs import replace
from typer.core import TyperCommand

from gdcli.cli.arguments import (
    add_variable,
    before_script,
    name_of_an_option,
    parse_assignment,
    sort_words,
    too_many_words,
    unknown_option,
)
from gdcli.cli.config import read_config
from gdcli.cli.effect import check_effect
from gdcli.cli.forms import check_output, fields_of_forms, form_of
from gdcli.cli.heard import listening
from gdcli.cli.live.check import check_live
from gdcli.cli.output import (
    FORMATS,
    PANEL,
    Feature,
    Kind,
    Notebook,
    Output,
    about,
    chosen_format,
    described,
    output_options,
)
from gdcli.cli.parameters import meta_of, output_parameters, setting_parameters
from gdcli.cli.quotes import check_quotes
from gdcli.cli.save import check_targets, files_in_words
from gdcli.cli.style import styled
from gdcli.cli.unquoted import check_unquoted
from gdcli.cli.words import leave_as_typed
from gdcli.complete.problem import hint_at_problems
from gdcli.contract.fields import EXPRESSIONS, SCRIPT, fields_of
from gdcli.contract.reading import S, read
from gdcli.contract.words import read_word
from gdcli.errors import (
    ExitCode,
    ExpressionError,
    GdcliError,
    MissingVariableError,
    UnknownVariableError,
    UserInterruptError,
)
from gdcli.rules.catalogue import RULES, is_own
from gdcli.rules.parameters import OWN_OPTIONS
from gdcli.torch_import import import_torch

_OWNERS = {"opt": "optimizer", "sched": "schedule"}  # what the parameters of the config belong to


@dataclass(frozen=True)
class Command(Generic[S]):
    """A command: its settings, the function that completes them, and the one that runs and prints.

    ``complete`` fills in defaults and finds all errors in the arguments, without torch.
    ``run`` returns the exit code. ``features`` are what it can print, draw and save: numbers, a row per iteration or
    point, a plot, and the kinds of files of ``--save``. ``code`` returns the equivalent PyTorch script, without torch.
    ``given`` returns the settings of the command line, or those of files that take their place, ``check`` refuses
    complete settings that do not go with the output, and ``around`` is a context of the whole command. ``with_data`` is
    the form that it takes with data from files, and ``variables`` are those that it has without.
    """

    name: str
    settings: type[S]
    complete: Callable[[S], S]
    run: Callable[[S, Output], int]
    help: str
    examples: tuple[str, ...]
    features: tuple[Feature, ...] = ("numbers", "table")
    code: Callable[[S], str] | None = None
    given: Callable[[S, Output], S] = lambda settings, _: settings
    check: Callable[[S, Output], None] = lambda *_: None
    around: Callable[[Output], contextlib.AbstractContextManager[Output]] = contextlib.nullcontext
    with_data: Command[Any] | None = None
    variables: tuple[str, ...] = ()

    @property
    def saves(self) -> list[Kind]:
        """The kinds of files that ``--save`` can write."""
        return [feature for feature in self.features if feature in get_args(Kind)]  # type: ignore[misc]

    def has(self, option: Meta) -> bool:
        """Whether it has this output option, in one of its forms."""
        return self.has_alone(option) or (self.with_data is not None and self.with_data.has(option))

    def has_alone(self, option: Meta) -> bool:
        """Whether it has this output option, in this form."""
        features = about(option)
        own = {*self.features, *(["script"] if self.code else []), *(["files"] if self.saves else [])}
        return not features or not own.isdisjoint(features)

    def help_of(self, option: Meta) -> str:
        """The help line of an output option."""
        return described(option, self.features).replace("{files}", files_in_words(self.saves))


class WordsCommand(TyperCommand):
    """A Typer command whose unknown options are variables, and whose help is grouped and fast."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Separate the variables, and parse the rest."""
        leave_as_typed(self.get_params(ctx))
        arguments = [p for p in self.params if p.param_type_name == "argument"]
        runs_script = [p.name for p in arguments] == list(SCRIPT)
        options = {
            option: "" if getattr(p, "is_flag", False) else str(p.metavar)
            for p in self.params
            if p not in arguments
            for option in [*p.opts, *p.secondary_opts]
        }
        options |= dict.fromkeys(self.get_help_option_names(ctx), "")
        args, of_script = before_script(args, options) if runs_script else (args, [])
        words = sort_words(args, options, str(ctx.info_name), variables="--var" in options)
        words.positional += of_script
        if not runs_script:
            check_quotes(str(ctx.info_name), args, options, words)
        takes = 0 if any(p.nargs != 1 for p in arguments) else len(arguments)
        if any(p.name in EXPRESSIONS for p in arguments):
            check_unquoted(str(ctx.info_name), args, options, words, takes=takes)
        if len(words.positional) > len(arguments) and all(p.nargs == 1 for p in arguments):
            raise too_many_words(str(ctx.info_name), words.positional, len(arguments), options)
        ctx.meta["gdcli.variables"] = words.variables
        ctx.meta["gdcli.rates"] = words.rates
        ctx.meta["gdcli.options"] = options
        ctx.meta["gdcli.words"] = [ctx.info_name, *args, *of_script]
        return super().parse_args(ctx, [*words.options, "--", *words.positional])

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Ctrl-C where no result can be printed is an error, which Typer would not report."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise UserInterruptError from None

    def get_help(self, ctx: Any) -> str:
        """The help, with styles on a terminal."""
        return styled(super().get_help(ctx), ctx)

    def panels(self, ctx: Any) -> dict[str, list[tuple[str, str]]]:
        """The options and arguments by panel, each with its help line."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                if param.param_type_name == "argument":  # Typer would add the type, <str>
                    record = (f"[{param.metavar}]" + ("..." if param.nargs != 1 else ""), record[1])
                panel = getattr(param, "rich_help_panel", None) or PANEL
                panels.setdefault(panel, []).append(record)
        return panels

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, grouped by panel."""
        for panel, records in self.panels(ctx).items():
            with formatter.section(panel):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the examples."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def add(app: typer.Typer, command: Command[S]) -> None:
    """Add a command to the app."""

    def callback(ctx: typer.Context, **given: Any) -> None:
        names: dict[str, str] = dict(ctx.meta["gdcli.variables"])
        if rates := ctx.meta["gdcli.rates"]:
            given["lrs"] = [*(given.get("lrs") or []), *rates]
        for text in given.pop("var", None) or []:
            add_variable(names, *parse_assignment(text))
        _check_not_empty(given, ctx.meta["gdcli.options"])
        with command.around(_output(command, given, ctx)) as output:
            code = _run(command, ctx, given, names, output)
        raise typer.Exit(code)

    parameters = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    parameters += setting_parameters(command) + output_parameters(command)
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    callback.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    epilog = "\n".join(command.examples)
    app.command(command.name, cls=WordsCommand, help=command.help, epilog=epilog)(callback)


def _run(
    command: Command[Any], ctx: typer.Context, given: dict[str, Any], names: dict[str, str], output: Output
) -> int:
    """Run a command with the options and the variables of the command line; returns the exit code."""
    file = given.get("file")
    config = _config(command, given.pop("config"))
    form = form_of(command, given, names, config.keys, ctx.meta["gdcli.options"])
    check_output(command, form, output)
    asked = form.given(_settings(form, given, names, config), output)
    settings = _completed(form, asked, ctx.meta, file, output.notebook)
    output.check()
    check_live(output, streams="iterations" in form.features)
    check_targets(output, form.name, form.saves, streams=bool(getattr(settings, "points", "")))
    has_rows = not {"iterations", "loops"}.isdisjoint(form.features)
    check_effect(output, settings, form.saves, many_rows=has_rows or getattr(settings, "each", False))
    form.check(settings, output)
    if output.format == "code" and form.code is not None:
        _print_code(form.code(settings), output)
        return ExitCode.OK
    _leave_deleted_folder()
    import_torch()
    gc.enable()
    with listening(output.heard, quiet=output.quiet):
        return form.run(settings, output)


def _completed(
    form: Command[Any], settings: Any, words: Mapping[str, Any], file: str | None, notebook: Notebook | None
) -> Any:
    """The settings completed and checked; an error speaks of the words that were typed, and of the program's file.

    What has no value may have one in a ``notebook``, where it stays if something else moves.
    """
    options = words["gdcli.options"]
    try:
        completed = form.complete(settings)
        moving = None if notebook is None else notebook.with_moving(settings, completed)
        return completed if moving is None else form.complete(moving)
    except UnknownVariableError as error:
        if error.name in words["gdcli.variables"]:
            raise unknown_option(f"--{error.name}", options, form.name, error.known) from error
        raise
    except MissingVariableError as error:
        known = None if notebook is None else notebook.with_value(settings, error.name)
        if known is not None and error.name not in settings.values:
            return _completed(form, known, words, file, notebook)
        if f"--{error.name}" in options:
            error.hint = name_of_an_option(error.name, error.source)
        elif error.source == error.name:
            error.hint = hint_at_problems(error.name, form.name) or error.hint
        raise
    except ExpressionError as error:
        if file:
            from gdcli.cli.program_file import naming

            naming(error, file)
        raise


def add_function(app: typer.Typer, function: Callable[..., None], examples: Sequence[str]) -> None:
    """Add a command without settings to the app: its parameters are its options, and its docstring is its help."""
    app.command(function.__name__, cls=WordsCommand, epilog="\n".join(examples))(function)


def _check_not_empty(given: dict[str, Any], options: Mapping[str, str]) -> None:
    """Raise GdcliError for an empty string: it is a mistake, often an unset shell variable."""
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        has_own_error = name == "save" or option not in options  # an argument has one too
        texts = value if isinstance(value, list) and not has_own_error else [value]
        if texts and all(isinstance(text, str) and not text.strip() for text in texts):
            if name == "expression":
                raise GdcliError("empty", "the expression is empty", "for example: (x - 1.5)**2")
            raise GdcliError("empty", f"the option '{option}' has an empty value", f"write {option} {options[option]}")


def _leave_deleted_folder() -> None:
    """Work in another folder if the present one was deleted: oneMKL, which torch uses, ends the process there.

    No relative path can be meant any more; those of the command line have been refused.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        os.chdir(os.sep)


def _print_code(script: str, output: Output) -> None:
    with output.open() as file:
        file.write(script.encode())


class _Config(NamedTuple):
    """What a config has, and where it stands."""

    keys: Mapping[str, Any]
    path: str | None


def _config(command: Command[Any], path: str | None) -> _Config:
    """The config of this path, which may have the settings of each form of a command."""
    known = [field.encode_name for field in fields_of_forms(command)]
    return _Config(read_config(path, command.name, known) if path else {}, path)


def _settings(command: Command[S], given: dict[str, Any], variables: dict[str, str], found: _Config) -> S:
    """The settings of the command line over those of the config."""
    if file := given.pop("file", None):
        name = next(name for name in EXPRESSIONS if name in given)
        from gdcli.cli.program_file import read_program

        if given[name]:
            raise GdcliError("usage", "--file and an expression cannot be used together", "keep one of them")
        given[name] = [read_program(file)] if name == "expressions" else read_program(file)
    config = read(command.settings, found.keys, naming=f"'{{}}' in {found.path}")
    extras = {field.name: meta_of(field).extra for field in fields_of(command.settings)}
    words = {name: value for name, value in given.items() if name in extras and value is not None and value != []}
    for name in words.keys() & set(EXPRESSIONS):
        words[name] = [text.strip() for text in words[name]] if name == "expressions" else words[name].strip()
    moving = next(iter({**getattr(config, "values", {}), **variables}), "x")
    moving = next(iter(command.variables), moving)
    words = {
        name: read_word(f"--{name.replace('_', '-')}", value, extras[name]["reads"], extras[name]["metavar"], moving)
        for name, value in words.items()
    }
    changes = msgspec.structs.asdict(read(command.settings, words, naming="--{}", text=True))
    changed = {name: changes[name] for name in words}
    if variables:
        changed["values"] = variables
        if sources := getattr(config, "sources", None):  # a value that is given again need not be that of the config
            kept = {name: source for name, source in sources.items() if name not in variables}
            config = msgspec.structs.replace(config, sources=kept)
    return msgspec.structs.replace(config, **_over(config, changed))


def _over(config: Struct, changed: dict[str, Any]) -> dict[str, Any]:
    """Changes of a config: pairs are added to its own, unless the rule or the schedule that they belong to changes.

    With another rule, what the new one does not have is left out too.
    """
    replaced = {pairs for pairs, of in _OWNERS.items() if of in changed and changed[of] != getattr(config, of)}
    found: dict[str, Any] = {pairs: {} for pairs in replaced}
    if "opt" in replaced and isinstance(name := changed["optimizer"], str) and (name in RULES or is_own(name)):
        known = RULES[name].parameters
        found |= {name: None for name in OWN_OPTIONS if name not in known}
    for name, value in changed.items():
        is_added = isinstance(value, dict) and name not in replaced
        found[name] = {**getattr(config, name), **value} if is_added else value
    return found


def _output(command: Command[Any], given: dict[str, Any], ctx: typer.Context) -> Output:
    asked = [name for name in FORMATS if given.pop(name, None)]
    own = [field.name for field, meta in output_options() if command.has(meta)]  # --over is a setting of sweep
    words = {name: given.pop(name) for name in own}
    chosen = {name: word for name, word in words.items() if word is not None}
    chosen["format"] = chosen_format(asked)
    output = replace(read(Output, chosen, naming="--{}", text=True), words=ctx.meta["gdcli.words"], notebook=ctx.obj)
    if output.plot and output.format != "table":
        message = f"--plot cannot be combined with --{output.format}"
        raise GdcliError("usage", message, "keep one of them")
    return output
