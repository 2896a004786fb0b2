"""Sorting the words of a command line: options of gdcli, values of variables, and expressions.

A word that begins with ``--`` and is neither an option nor part of one is a variable's name (``--x 3``); a word that
begins with one ``-`` is an expression or a value (``-x**2``). Options and expressions come in any order.
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
    """The words of a command line, sorted.

    ``options`` is what the option parser is to read; ``rates`` are those of ``--lr.NAME``, as NAME=NUMBER.
    """

    options: list[str] = field(default_factory=list)
    positional: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    rates: list[str] = field(default_factory=list)


def sort_words(words: list[str], options: Mapping[str, str], *, variables: bool = True) -> Words:
    """Sort the words; ``options`` says of each option what its value is called, with "" for a flag.

    Without ``variables``, the command has none, and every other word that begins with ``--`` is an error.

    Raises:
        GdcliError: for an option that does not exist or lacks its value, and a variable that is given twice.
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
    """Note the value of a variable, under the name that Python gives it (NFKC).

    Raises:
        GdcliError: when it has one already.
    """
    name = unicodedata.normalize("NFKC", name)
    if name in variables:
        raise GdcliError("usage", f"the variable '{name}' is given twice", f"keep one: --{name} {value}")
    variables[name] = value


def parse_assignment(text: str) -> tuple[str, str]:
    """The name and the value of ``--var NAME=VALUE``.

    Raises:
        GdcliError: when it is no such text.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise GdcliError("usage", f"--var takes NAME=VALUE, not '{text}'", "for example: --var lr=3")
    return name.strip(), value


def unknown_option(name: str, options: Collection[str], variables: Collection[str] | None = None) -> GdcliError:
    """The error for an option that is neither gdcli's nor a variable of the expression.

    ``variables`` are those of the expression; None when it has not been read.
    """
    hint = suggestion(name, [*options, *(f"--{variable}" for variable in variables or ())])
    if not hint and variables is not None:
        hint = variables_listed(variables)
    return GdcliError("unknown-option", f"unknown option '{name}'", hint or "--help lists the options")


def suggestion(name: str, options: Collection[str]) -> str:
    """A hint at the option that was probably meant; an empty string when none is near."""
    names = {option.lstrip("-"): option for option in options if option.startswith("--")}
    plain = name.lstrip("-")
    for known in names:
        if hint := lookalike(plain, [known]) or lookalike(known, [plain]):
            return hint
    match = closest(plain, names)
    return f"did you mean '{names[match]}'?" if match else ""


def name_of_an_option(variable: str, source: str) -> str:
    """The hint for a variable without a value whose name is an option's: ``lr``, or ``-json`` for ``--json``."""
    return f"did you mean '--{variable}'?" if source == f"-{variable}" else f"give it one: --var {variable}=1"


def too_many_words(command: str, words: Sequence[str], takes: int, options: Collection[str]) -> GdcliError:
    """The error for more expressions or names than the command takes."""
    noun = "expression" if "--var" in options else "name"
    which = f"one {noun}, and here is a second" if takes else f"no {noun}, and here is one"
    message = f"{command} takes {which}: '{words[takes]}'"
    for word in words:  # -lr 0.1
        if f"-{word.partition('=')[0]}" in options:
            return GdcliError("usage", message, f"did you mean '-{word}'?")
    if words[takes].startswith("--"):
        return GdcliError("usage", message, "put '--' and its expression last: what follows it is no option")
    quoted = 'put an expression with spaces in quotes: "x + 1"'
    return GdcliError("usage", message, quoted if "--var" in options and takes else "--help shows how it is used")


def _value(name: str, value: str | None, options: Mapping[str, str]) -> str:
    """The word after an option; another option is no value, and a near miss without one is a slip."""
    if value is not None and value not in options:
        return value
    if name not in options and (hint := suggestion(name, options)):
        raise GdcliError("unknown-option", f"unknown option '{name}'", hint)
    raise GdcliError("usage", f"the option '{name}' needs a value", f"write {name} {options.get(name, 1)}")
