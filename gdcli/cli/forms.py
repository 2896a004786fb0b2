"""A command with two forms, such as ``fit-linear``: one for data from files, and one without.

The options of both are options of the command. Which form some words mean follows from whether they name data; then
what belongs to the other form alone is refused.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdcli.cli.arguments import too_many_words, unknown_option
from gdcli.cli.output import Output, output_options
from gdcli.contract.fields import fields_of
from gdcli.errors import GdcliError

if TYPE_CHECKING:
    from msgspec.structs import FieldInfo

    from gdcli.cli.command import Command

DATA = "data"
"""The setting that names the files."""
_OF_EXPRESSIONS = "*+()=^@<>[ "  # not in the name of a file that is missing


def fields_of_forms(command: Command[Any]) -> list[FieldInfo]:
    """The fields of the settings of a command; of one with two forms, those that only data have come first."""
    own = fields_of(command.settings)
    if command.with_data is None:
        return list(own)
    names = {field.name for field in own}
    return [field for field in fields_of(command.with_data.settings) if field.name not in names] + list(own)


def form_of(
    command: Command[Any],
    given: dict[str, Any],
    names: dict[str, str],
    config: Mapping[str, Any],
    options: Mapping[str, str],
) -> Command[Any]:
    """The form of a command that its words mean; ``given`` and ``names`` are left with what belongs to it.

    ``given`` are the options that the words give, ``names`` the values of variables, ``config`` what a config has, and
    ``options`` maps each option to the name of its value.

    Raises:
        GdcliError: for what belongs to the other form.
    """
    other = command.with_data
    if other is None:
        return command
    _check_files(command, given.get(DATA) or [], options)
    form = other if given.get(DATA) or config.get(DATA) else command
    if form is command:
        for name in ("target",):  # an option with data, and a variable without
            if is_column(given.get(name)):
                message = f"--{name} names the column '{given[name]}', and no file is given"
                raise GdcliError("usage", message, f"gdcli {command.name} data.csv --{name} {given[name]}")
            if given.get(name) is not None:
                names.setdefault(name, given.pop(name))
    elif names:
        _refuse_variables(command, names, options)
    own = {field.name for field in fields_of(form.settings)}
    both = {field.name for each in (command, other) for field in fields_of(each.settings)}
    for name in [name for name, value in given.items() if name in both - own and value not in (None, [])]:
        raise _elsewhere(command, form, name, given[name], options)
    for name in [name for name in config if name in both - own]:
        where = "with data" if form is command else "without data"
        raise GdcliError("unknown-setting", f"unknown setting '{name}'", f"it is a setting of {command.name} {where}")
    return form


def is_column(word: object) -> bool:
    """Whether a word is a name and nothing that a value may be."""
    from gdcli.lang.constants import CONSTANTS

    return isinstance(word, str) and word.isidentifier() and word not in {*CONSTANTS, "True", "False"}


def check_output(command: Command[Any], form: Command[Any], output: Output) -> None:
    """Check that the options of the output are about what this form of a command prints.

    Raises:
        GdcliError: for one that belongs to the other form.
    """
    if command.with_data is None:
        return
    for field, meta in output_options():
        if getattr(output, field.name) != getattr(Output(), field.name) and not form.has_alone(meta):
            raise _elsewhere(command, form, field.name, None, {})


def _elsewhere(
    command: Command[Any], form: Command[Any], name: str, value: Any, options: Mapping[str, str]
) -> GdcliError:
    """The error for an option of the other form."""
    option = "--lr.NAME" if name == "lrs" else "--" + name.replace("_", "-")
    if form is not command:
        message = f"{option} is about the layer that {command.name} fits without data"
        return GdcliError("usage", message, f"leave out {option}, or the file")
    value = shlex.quote(value[0]) if isinstance(value, list) else value
    word = option if isinstance(value, bool) else f"{option} {value or options.get(option, '')}".rstrip()
    hint = f"for example: {command.name} data.csv --target y {' '.join(word.split())}"
    return GdcliError("usage", f"{option} is about data, and no file is given", f"gdcli {hint.partition(': ')[2]}")


def _refuse_variables(command: Command[Any], names: Mapping[str, str], options: Mapping[str, str]) -> None:
    """Raise GdcliError for the value of a variable, which a fit to data does not have."""
    name = next(iter(names))
    if name in command.variables:
        message = f"--{name} is a value of the layer that {command.name} fits without data"
        raise GdcliError("usage", message, f"leave out --{name}, or the file")
    raise unknown_option(f"--{name}", options, command.name)


def _check_files(command: Command[Any], words: Sequence[str], options: Mapping[str, str]) -> None:
    """Raise GdcliError for words that are no files, but an option with one dash or an expression."""
    from gdcli.cli.quotes import variables_of

    for at, word in enumerate(words):
        if word == "-" or _is_path(word):
            continue
        is_expression = any(c in _OF_EXPRESSIONS for c in word) and variables_of(word) is not None
        if word.startswith("-") or is_expression:
            raise too_many_words(command.name, words[at:], 0, options)


def _is_path(word: str) -> bool:
    try:
        return Path(word).exists()
    except (OSError, ValueError):  # a name that is too long, or has a null
        return False
