"""Sorting the words of a command line: options of gdcli, values of variables, and expressions.

A word that begins with ``--`` and is neither an option nor part of one is a variable's name (``--x 3``); a word that
begins with one ``-`` is an expression or a value (``-x**2``). Options and expressions come in any order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean

_VARIABLE = re.compile(r"--([^\W\d]\w*)(?:=(?!=)(.*))?", re.DOTALL)
_OPTION = re.compile(r"--[A-Za-z][\w-]*(=.*)?", re.DOTALL)


@dataclass(slots=True)
class Words:
    """The words of a command line, sorted. ``options`` is what the option parser is to read."""

    options: list[str] = field(default_factory=list)
    positional: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


def sort_words(words: list[str], options: Mapping[str, bool]) -> Words:
    """Sort the words; ``options`` says of each option whether it takes a value.

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
                found.options.append(_value(name, next(rest, None)))
        elif match := _VARIABLE.fullmatch(word):
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


def unknown_option(name: str, options: Collection[str], variables: Collection[str] = ()) -> GdcliError:
    """The error for an option that is neither gdcli's nor a variable of the expression."""
    known = [*options, *(f"--{variable}" for variable in variables)]
    hint = did_you_mean(name, known)
    if not hint and variables:
        hint = f"the variables of the expression are {', '.join(variables)}"
    return GdcliError("unknown-option", f"unknown option '{name}'", hint or "--help lists the options")


def _value(name: str, value: str | None, options: Collection[str] = ()) -> str:
    if value is None:
        hint = did_you_mean(name, options)
        raise GdcliError("usage", f"the option '{name}' needs a value", hint or f"for example: {name} 1")
    return value
