"""The options and arguments of a command as Typer takes them, made from the fields of its settings."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import msgspec
import typer
from msgspec.structs import FieldInfo

from gdcli.cli.forms import DATA, fields_of_forms
from gdcli.cli.output import FORMATS, PANEL, output_options
from gdcli.contract.fields import EXPRESSIONS, READ, SCRIPT, fields_of

if TYPE_CHECKING:
    from gdcli.cli.command import Command

_ARGUMENTS = (*EXPRESSIONS, *SCRIPT, DATA, "model")
"""The settings that are no options: what is typed without one."""
_OPTION_OF = {"values": "var", **dict.fromkeys(EXPRESSIONS, "file")}
"""The options of settings that have another name."""


def has_flag(command: Command[Any], flag: str) -> bool:
    """Whether a command has an option; its options are made only where one may have this name."""
    name = flag.removeprefix("--").removeprefix("no-").replace("-", "_")
    fields = {_OPTION_OF.get(field.name, field.encode_name) for field in fields_of_forms(command)}
    names = (*fields, "config", *FORMATS, *(field.name for field, _ in output_options()))
    return name in names and flag in flags_of(command)


def flags_of(command: Command[Any]) -> set[str]:
    """The options of a command, without building it."""
    parameters = setting_parameters(command) + output_parameters(command)
    options = [get_args(parameter.annotation)[1] for parameter in parameters]
    # Typer takes the spelling for a default until it has read the annotation.
    spelled = [words for each in options for words in (each.default, *(each.param_decls or ())) if words is not ...]
    return {flag for words in spelled for flag in words.split("/") if flag.startswith("--")}


def setting_parameters(command: Command[Any]) -> list[inspect.Parameter]:
    """The options and arguments of the settings of a command, those of both forms where it has two."""
    parameters = []
    for field in fields_of_forms(command):
        kind, meta = get_args(field.type)[0], meta_of(field)
        if field.name == "values":
            name, panel = _OPTION_OF[field.name], meta.extra["panel"]
            var = typer.Option(f"--{name}", metavar="NAME=VALUE", help=_VAR_HELP, rich_help_panel=panel)
            parameters.append(_parameter(name, list[str] | None, var))
        elif field.name in READ:  # what a record says of the files of its values
            continue
        elif field.name in _ARGUMENTS:
            argument = typer.Argument(metavar=meta.extra["metavar"], help=meta.description, show_default=False,
                                      rich_help_panel=meta.extra["panel"])  # fmt: skip
            word = list[str] | None if get_origin(kind) is list else str | None
            parameters.append(_parameter(field.name, word, argument))
            if field.name not in EXPRESSIONS:
                continue
            name = _OPTION_OF[field.name]
            file = typer.Option(f"--{name}", metavar="FILE", help=_FILE_HELP, rich_help_panel=meta.extra["panel"])
            parameters.append(_parameter(name, str | None, file))
        else:
            parameters.append(_option(field, _text_of(field, command), negatable=True))
    return parameters


def _text_of(field: FieldInfo, command: Command[Any]) -> str:
    """The help line of an option; where it says something else of data, both."""
    text = str(meta_of(field).description)
    with_data = fields_of(command.with_data.settings) if command.with_data else ()
    other = next((str(meta_of(each).description) for each in with_data if each.name == field.name), text)
    return text if other == text else f"{text}; with data, {other}"


def meta_of(field: Any) -> Any:
    """The metadata of a field of settings."""
    return get_args(field.type)[1]


_VAR_HELP = "value of a variable, @FILE:COLUMN to read it; same as --NAME VALUE"
_FILE_HELP = "read the expression or program from a file; - is standard input"
_METAVARS = {float: "NUMBER", int: "INTEGER"}


def _option(field: FieldInfo, text: str, *, negatable: bool) -> inspect.Parameter:
    """The option of a field: a flag, one that takes a word, or one that is repeated.

    A flag that is ``negatable`` has a ``--no-`` form, to override a config.
    """
    kind, extra = _without_unset(get_args(field.type)[0]), meta_of(field).extra
    flag = "--" + field.encode_name.replace("_", "-")
    if kind in (bool, bool | None):
        name = f"{flag}/--no-{flag[2:]}" if negatable else flag
        return _parameter(field.name, bool | None, typer.Option(name, help=text, rich_help_panel=extra["panel"]))
    default = extra["shown"] or field.default
    shown = "" if default in (msgspec.NODEFAULT, msgspec.UNSET, None, "", "none") else f"  [default: {default}]"
    option = typer.Option(
        flag,
        metavar=extra["metavar"] or _METAVARS.get(kind) or "|".join(get_args(kind)),
        help=f"{text}{shown}",
        show_default=False,
        rich_help_panel=extra["panel"],
    )
    of_names = kind in (list[str], list[str] | None)  # one that is given again adds to the others
    repeated = of_names or extra["reads"] in ("pairs", "bounds", "degrees")
    return _parameter(field.name, list[str] | None if repeated else str | None, option)


def _without_unset(kind: Any) -> Any:
    """The type that a setting has when it is given, for one that a record leaves out otherwise."""
    return get_args(kind)[0] if msgspec.UnsetType in get_args(kind) else kind


def output_parameters(command: Command[Any]) -> list[inspect.Parameter]:
    """The options of how and where to print."""
    config = typer.Option("--config", help=_CONFIG_HELP, metavar="FILE", rich_help_panel=PANEL)
    parameters = [_parameter("config", str | None, config)]
    for name, meta in FORMATS.items():
        if command.has(meta):
            flag = typer.Option(f"--{name}", help=command.help_of(meta), rich_help_panel=PANEL)
            parameters.append(_parameter(name, bool | None, flag))
    options = [(field, meta) for field, meta in output_options() if command.has(meta)]
    return parameters + [_option(field, command.help_of(meta), negatable=False) for field, meta in options]


_CONFIG_HELP = "read settings from a TOML or JSON file"


def _parameter(name: str, kind: Any, option: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])
