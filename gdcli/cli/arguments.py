"""Sorting the arguments of a command line: options of gdcli, values of variables, and expressions.

An argument that begins with ``--`` and is neither an option nor part of one names a variable (``--x 3``); one that
begins with a single ``-`` is an expression or a value (``-x**2``). Options and expressions come in any order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gdcli.errors import GdcliError
from gdcli.lang.suggest import NAME, closest, lookalike, variables_listed

_VARIABLE = re.compile(rf"--({NAME})(?:=(?!=)(.*))?", re.DOTALL)
_RATE = re.compile(rf"--lr\.({NAME})(?:=(.*))?", re.DOTALL)
_OPTION = re.compile(r"--[A-Za-z][\w-]*(=.*)?", re.DOTALL)


@dataclass(slots=True)
class Words:
    """The arguments of a command line, sorted.

    ``options`` is for the option parser; ``rates`` are the values of ``--lr.NAME``, as NAME=NUMBER.
    """

    options: list[str] = field(default_factory=list)
    positional: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    rates: list[str] = field(default_factory=list)


def sort_words(words: list[str], options: Mapping[str, str], *, variables: bool = True) -> Words:
    """Sort the arguments; ``options`` maps each option to the name of its value, "" for a flag.

    Without ``variables``, any other argument that begins with ``--`` is an error.

    Raises:
        GdcliError: for an option that does not exist or has no value, and a variable that is given twice.
    """
    found = Words()
    rest = iter(words)
    for word in rest:
        name, equals, _ = word.partition("=")
        if word == "--":
            found.positional.extend(rest)
        elif name in options:
            found.options.append(word)
            if options[name] and not equals:
                found.options.append(_value(name, next(rest, None), options))
        elif "--lrs" in options and (match := _RATE.fullmatch(word)):
            found.rates.append(
                f"{match[1]}={match[2] if match[2] is not None else _value(name, next(rest, None), options)}"
            )
        elif variables and (match := _VARIABLE.fullmatch(word)):
            value = match[2] if match[2] is not None else _value(word, next(rest, None), options)
            add_variable(found.variables, match[1], value)
        elif _OPTION.fullmatch(word):
            raise unknown_option(name, options)
        else:
            found.positional.append(word)
    return found


def add_variable(variables: dict[str, str], name: str, value: str) -> None:
    """Store the value of a variable, under its name as Python normalizes it (NFKC).

    Raises:
        GdcliError: if it already has one.
    """
    name = unicodedata.normalize("NFKC", name)
    if name in variables:
        raise GdcliError("usage", f"the variable '{name}' is given twice", f"keep one: --{name} {value}")
    variables[name] = value


def parse_assignment(text: str) -> tuple[str, str]:
    """The name and the value of ``--var NAME=VALUE``.

    Raises:
        GdcliError: if the text has another form.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise GdcliError("usage", f"--var takes NAME=VALUE, not '{text}'", "for example: --var lr=3")
    return name.strip(), value


def unknown_option(name: str, options: Collection[str], variables: Collection[str] | None = None) -> GdcliError:
    """The error for an option that is neither an option of gdcli nor a variable of the expression.

    ``variables`` are those of the expression; None when it has not been read.
    """
    hint = suggestion(name, [*options, *(f"--{variable}" for variable in variables or ())])
    if not hint and variables is not None:
        hint = variables_listed(variables)
    return GdcliError("unknown-option", f"unknown option '{name}'", hint or "--help lists the options")


def suggestion(name: str, options: Collection[str]) -> str:
    """A hint at the option that was probably meant; an empty string if none is similar."""
    names = {option.lstrip("-"): option for option in options if option.startswith("--")}
    plain = name.lstrip("-")
    for known in names:
        if hint := lookalike(plain, [known]) or lookalike(known, [plain]):
            return hint
    match = closest(plain, names)
    return f"did you mean '{names[match]}'?" if match else ""


def name_of_an_option(variable: str, source: str) -> str:
    """The hint for a variable without a value that has the name of an option: ``lr``, or ``-json`` for ``--json``."""
    return f"did you mean '--{variable}'?" if source == f"-{variable}" else f"give it a value: --var {variable}=1"


def too_many_words(command: str, words: Sequence[str], takes: int, options: Collection[str]) -> GdcliError:
    """The error for more expressions or names than the command takes."""
    noun = "expression" if "--var" in options else "name"
    got = f"one {noun}, but got '{words[takes]}' too" if takes else f"no {noun}, but got '{words[takes]}'"
    message = f"{command} takes {got}"
    for word in words:  # -lr 0.1
        if f"-{word.partition('=')[0]}" in options:
            return GdcliError("usage", message, f"did you mean '-{word}'?")
    if words[takes].startswith("--"):
        return GdcliError("usage", message, "put '--' and the expression last: nothing after '--' is read as an option")
    quoted = 'put an expression with spaces in quotes: "x + 1"'
    return GdcliError("usage", message, quoted if "--var" in options and takes else "--help shows the usage")


def _value(name: str, value: str | None, options: Mapping[str, str]) -> str:
    """The argument after an option; another option is not a value, and a misspelled option needs none."""
    if value is not None and value not in options:
        return value
    if name not in options and (hint := suggestion(name, options)):
        raise GdcliError("unknown-option", f"unknown option '{name}'", hint)
    raise GdcliError("usage", f"the option '{name}' needs a value", f"write {name} {options.get(name, 1)}")
