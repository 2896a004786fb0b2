"""Sorting the arguments of a command line: options of gdcli, values of variables, and expressions.

An argument that begins with ``--`` and is neither an option nor part of one names a variable (``--x 3``); one that
begins with a single ``-`` is an expression or a value (``-x**2``). Options and expressions come in any order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from operator import length_hint

from gdcli.cli.options import belongs_to_others
from gdcli.errors import GdcliError
from gdcli.lang.suggest import (
    DASHES,
    NAME,
    QUOTES,
    closest,
    lookalike,
    setting_meant,
    setting_of_others,
    variables_listed,
)

VARIABLE = re.compile(rf"--({NAME})(?:=(?!=)(.*))?", re.DOTALL)
_RATE = re.compile(rf"--lr\.({NAME})(?:=(.*))?", re.DOTALL)
_OPTION = re.compile(r"--[A-Za-z][\w-]*(=.*)?", re.DOTALL)
_DASHED = re.compile(rf"[-{DASHES}]{{1,2}}({NAME}[\w.-]*)(=.*)?", re.DOTALL)  # also with typographic dashes
_VALUE = re.compile(r"[-+]?[\d.\[]|(rand|zeros|ones|arange|pi|inf)")
_NAME_ALONE = re.compile(rf"(?:[\w-]+\.)?{NAME}")  # also one of a rule: adam.betas
_NUMBERS = re.compile(r"[-+]?\.?\d[\d.,:e+-]*|[-+]?:[\d.e+-]+|true|false|none", re.IGNORECASE)
_AXIS = re.compile(rf"(?:lr\.)?{NAME}(?:\[[\d,-]+\])?=[^=:]+:[^=]+")
_NO_BREAK = "\u00a0\u2007\u202f"


@dataclass(slots=True)
class Words:
    """The arguments of a command line, sorted.

    ``options`` is for the option parser; ``rates`` are the values of ``--lr.NAME``, as NAME=NUMBER.
    """

    options: list[str] = field(default_factory=list)
    positional: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    rates: list[str] = field(default_factory=list)


def sort_words(words: list[str], options: Mapping[str, str], command: str, *, variables: bool = True) -> Words:
    """Sort the arguments of a command; ``options`` maps each option to the name of its value, "" for a flag.

    Without ``variables``, any other argument that begins with ``--`` is an error.

    Raises:
        GdcliError: for an option that does not exist or has no value.
    """
    found, given = Words(), list[list[str]]()
    rest = iter(words)
    for word in rest:
        name, equals, _ = word.partition("=")
        if word == "--":
            found.positional.extend(rest)
        elif name in options:
            given.append([word])
            if options[name] and not equals:
                given[-1].append(_value(name, next(rest, None), options, command))
                _check_pair(name, options[name], given[-1][1], words[len(words) - length_hint(rest) :])
            if options[name].endswith("..."):  # the shell has put the names of several files there
                for more in takewhile(lambda each: not each.startswith("--"), words[len(words) - length_hint(rest) :]):
                    given.append([name, more])
                    next(rest)
        elif "--lrs" in options and (match := _RATE.fullmatch(word)):
            value = match[2] if match[2] is not None else _value(name, next(rest, None), options, command)
            found.rates.append(f"{match[1]}={value}")
        elif variables and (match := VARIABLE.fullmatch(word)):
            value = match[2] if match[2] is not None else _value(word, next(rest, None), options, command)
            add_variable(found.variables, match[1], value)
        elif _OPTION.fullmatch(word):
            raise unknown_option(name, options, command)
        else:
            _check_typed(word, options)
            found.positional.append(word)
    found.options = [word for each in _without_replaced(given) for word in each]
    return found


def before_script(words: list[str], options: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The arguments up to the name of a script, and those after it, which are for the script.

    A notebook takes none, so that all of them are for gdcli.
    """
    takes_value = False
    for i, word in enumerate(words):
        if takes_value:
            takes_value = False
        elif word == "--":
            return words[: i + 2], words[i + 2 :]
        elif word.startswith("-") and word != "-":
            takes_value = bool(options.get(word))
        elif word.lower().endswith(".ipynb"):
            break
        else:
            return words[: i + 1], words[i + 1 :]
    return words, []


def _without_replaced(given: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """The options, each with its value, without the parameters of a schedule that a later ``--schedule`` replaces."""
    names = [words[0].partition("=")[0] for words in given]
    if names.count("--schedule") < 2:
        return given
    last = max(i for i, name in enumerate(names) if name == "--schedule")
    return [words for i, words in enumerate(given) if i > last or names[i] != "--sched"]


def _check_pair(option: str, form: str, value: str, following: Sequence[str]) -> None:
    """Raise GdcliError for a pair that is written as two arguments: ``--bound x -2:2``."""
    if "NAME=" in form and _NAME_ALONE.fullmatch(value) and following and _NUMBERS.fullmatch(following[0]):
        if form.endswith("LOW:HIGH") and ":" not in following[0]:
            return
        message = f"{option} takes {form}, not '{value} {following[0]}'"
        raise GdcliError("usage", message, f"did you mean '{option} {value}={following[0]}'?")


def _check_typed(word: str, options: Collection[str]) -> None:
    """Raise GdcliError for an option that is written with typographic dashes, or joined by a no-break space."""
    match = _DASHED.fullmatch(word)
    if match and word[0] + word[1] != "--" and f"--{match[1]}" in options and not word.startswith("-" + match[1]):
        raise _typographic_dash(word)
    if word.startswith("--") and (space := next((c for c in word if c in _NO_BREAK), "")):
        name = word.partition(space)[0]
        message = f"'{name}' is followed by {unicodedata.name(space)}, which the shell does not split at"
        raise GdcliError("usage", message, f"type a space: {word.replace(space, ' ')}")


def _typographic_dash(word: str) -> GdcliError:
    dash = next(c for c in word if c in DASHES)
    message = f"'{word}' begins with {unicodedata.name(dash)}, and an option with '--'"
    return GdcliError("usage", message, f"did you mean '--{word.lstrip('-' + DASHES)}'?")


def add_variable(variables: dict[str, str], name: str, value: str) -> None:
    """Store the value of a variable, under its name as Python normalizes it (NFKC); the last one counts."""
    name = unicodedata.normalize("NFKC", name)
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


def unknown_option(
    name: str, options: Collection[str], command: str, variables: Collection[str] | None = None
) -> GdcliError:
    """The error for an option that is neither an option of the command nor a variable of the expression.

    ``variables`` are those of the expression; None when it has not been read.
    """
    if error := _of_others(name, options, command):
        return error
    plain, hint = name.lstrip("-").rstrip("s"), ""
    if "--var" in options and "expression" in (plain, setting_of_others(plain)):
        other = "minimize" if command == "fit-linear" else command  # it has an expression of its own
        hint = f'the expression stands without an option: gdcli {other} "x**2"{" --x 1" * (command != "plot")}'
    hint = hint or suggestion(name, [*options, *(f"--{variable}" for variable in variables or ())])
    if not hint and variables is not None:
        hint = variables_listed(variables)
    return GdcliError("unknown-option", f"unknown option '{name}'", hint or "--help lists the options")


def _of_others(name: str, options: Collection[str], command: str) -> GdcliError | None:
    """The error for an option of other commands; None where other tools call an option of this command so."""
    here = setting_of_others(name.lstrip("-")) or ""
    return None if f"--{here}" in options else belongs_to_others(name, command)


def suggestion(name: str, options: Collection[str]) -> str:
    """A hint at the option that was probably meant; an empty string if none is similar."""
    names = {option.lstrip("-"): option for option in options if option.startswith("--")}
    plain = name.lstrip("-")
    for known in names:
        if hint := lookalike(plain, [known]) or lookalike(known, [plain]):
            return hint
    match = setting_meant(plain, {known.replace("-", "_") for known in names}) or closest(plain, names)
    return f"did you mean '--{match.replace('_', '-')}'?" if match else ""


def name_of_an_option(variable: str, source: str) -> str:
    """The hint for a variable without a value that has the name of an option: ``lr``, or ``-json`` for ``--json``."""
    return f"did you mean '--{variable}'?" if source == f"-{variable}" else f"give it a value: --var {variable}=1"


def too_many_words(command: str, words: Sequence[str], takes: int, options: Collection[str]) -> GdcliError:
    """The error for more expressions or names than the command takes."""
    noun = "expression" if "--var" in options else "name"
    got = f"one {noun}, but got '{words[takes]}' too" if takes else f"no {noun}, but got '{words[takes]}'"
    message = f"{command} takes {got}"
    if command == "sweep" and (axis := next((word for word in words if _AXIS.fullmatch(word)), "")):
        return GdcliError("usage", message, f"did you mean '--over {axis}'?")
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if f"-{word.partition('=')[0]}" in options:  # -lr 0.1
            return GdcliError("usage", message, f"did you mean '-{word}'?")
        if any(c in QUOTES for c in word):
            return _typographic_quotes(words)
        match = _DASHED.fullmatch(word)
        if match and any(c in DASHES for c in word[:2]) and (match[2] or _VALUE.match(following)):
            return _typographic_dash(word)
        if match and not word.startswith("--") and "--var" in options and (match[2] or _VALUE.match(following)):  # -x 3
            return GdcliError("usage", message, f"did you mean '-{word}'?")
    if words[takes].startswith("--"):
        return GdcliError("usage", message, "put '--' and the expression last: nothing after '--' is read as an option")
    quoted = 'put an expression with spaces in quotes: "x + 1"'
    return GdcliError("usage", message, quoted if "--var" in options and takes else "--help shows the usage")


def _typographic_quotes(words: Sequence[str]) -> GdcliError:
    """The error for an argument in typographic quotation marks, which the shell has split at its spaces."""
    first = next(k for k, word in enumerate(words) if any(c in QUOTES for c in word))
    last = max(k for k, word in enumerate(words) if any(c in QUOTES for c in word))
    text = " ".join(words[first : last + 1])
    letter = next(c for c in text if c in QUOTES)
    message = f"'{letter}' is {unicodedata.name(letter)}, which quotes nothing in a shell"
    return GdcliError("usage", message, f'type straight quotes: "{"".join(c for c in text if c not in QUOTES)}"')


def _value(name: str, value: str | None, options: Mapping[str, str], command: str) -> str:
    """The argument after an option; another option is not a value, and a misspelled option needs none."""
    if value is not None and value not in options and value != "--":
        return value
    if name not in options and (error := _of_others(name, options, command)):
        raise error
    if name not in options and (hint := suggestion(name, options)):
        raise GdcliError("unknown-option", f"unknown option '{name}'", hint)
    hint = f"write {name} {options.get(name, 1)}"
    if name in ("--config", "--points"):
        hint += f", or {name} - for standard input"
    raise GdcliError("usage", f"the option '{name}' needs a value", hint)
