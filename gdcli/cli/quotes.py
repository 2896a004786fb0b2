"""Options inside the quotation marks of an expression or a value: ``"x**2 --x 1"``. No torch here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gdcli.cli.arguments import VARIABLE, Words, sort_words
from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.suggest import NAME

# An option within a text, and what follows where that looks like its value.
_WITHIN = re.compile(rf"(?:^|(?<=\s))--({NAME}[\w.-]*)(=|\s+[-+]?[\w.(\['\"])?")
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
_NOT_IN_DOUBLE = re.compile(r"[\"$`\\!]")


class _Part(NamedTuple):
    """An argument that is not an option alone: what it is, and where its text begins.

    ``kind`` is "expression", "value" (of a variable), or what an option calls its value.
    """

    at: int
    kind: str
    start: int


def check_quotes(command: str, words: Sequence[str], options: Mapping[str, str], found: Words) -> None:
    """Check that no argument of a command has an option in it that was meant to stand beside it.

    ``words`` are the arguments, ``options`` maps each option to the name of its value, and ``found`` are the arguments
    sorted. A text that is an expression as it stands is left alone: ``"a --b"`` is a + b.

    Raises:
        ExpressionError: for such an argument; the hint is the whole command, with the quotation mark at its place.
    """
    if not any("--" in word.lstrip("-") or (word.startswith("--") and re.search(r"\s", word)) for word in words):
        return
    parts = list(_parts(words, options))
    for k, part in enumerate(parts):
        word = words[part.at]
        following = k + 1 < len(parts) and parts[k + 1].kind == "expression"
        match = next(_within(word, part, options, found, followed=following), None)
        if match is None:
            continue
        name, before, rest = f"--{match[1]}", word[: match.start()].rstrip(), word[match.start() :]
        better = [*words[: part.at], *[before] * bool(before), *_split(rest), *words[part.at + 1 :]]
        hint = whole_command(command, better, options) or f"close them before {name}"
        message = f"'{name}' stands inside the quotation marks of '{before}'"
        if not before and len(re.findall(_WITHIN, rest)) > 1:
            message = f"'{word}' is one argument, but has several options"
        elif not before:
            message = f"'{word}' is one argument, but {name} and its value are two"
        place = (match.start(), len(word))
        raise ExpressionError("quotes", message, hint, source=word, span=place)


def _parts(words: Sequence[str], options: Mapping[str, str]) -> Iterator[_Part]:
    """The expressions and the values among the arguments."""
    after = ""
    for i, word in enumerate(words):
        name, equals, _ = word.partition("=")
        kind, start = after, 0
        if not kind and word == "--":
            continue
        if not kind and name in options:
            kind, start = options[name] if equals else "", len(name) + 1
            after = "" if equals else options[name]
        elif not kind and (variable := VARIABLE.fullmatch(word)):
            kind, start = ("", 0) if variable[2] is None else ("value", len(name) + 1)
            after = "value" if variable[2] is None else ""
        else:
            kind, after = kind or "expression", ""
        if kind:
            yield _Part(i, kind, start)


def _within(
    word: str, part: _Part, options: Mapping[str, str], found: Words, *, followed: bool
) -> Iterator[re.Match[str]]:
    """The options in an argument that were meant to stand beside it; ``followed`` by an expression."""
    text = word[part.start :]
    if part.kind == "FILE":  # a name may hold anything
        return
    for match in _WITHIN.finditer(word, part.start):
        is_option = f"--{match[1]}" in options
        if part.kind != "expression" and match.start() == part.start:
            continue
        if part.kind == "expression":
            stands = variables_of(text)
            if stands is not None:
                unknown = match[1] in stands and match[1] not in found.variables
                if unknown and (is_option or (followed and match.end() == len(word))):
                    yield match
                continue
        elif (part.kind == "value" and _is_value(text)) or (
            part.kind == "NAME=VALUE" and _is_value(text.partition("=")[2] or text)
        ):
            continue
        if is_option or match[2]:
            yield match


def expressions_among(words: Sequence[str], options: Mapping[str, str]) -> list[int]:
    """The positions of the expressions among the arguments of a command."""
    return [part.at for part in _parts(words, options) if part.kind == "expression"]


def variables_of(text: str, *, given: bool = True) -> Sequence[str] | None:
    """The variables of an expression, perhaps without those ``given`` by a program; None where the text is none."""
    from gdcli.lang.parsing import parse

    try:
        found = parse(text)
    except GdcliError:
        return None
    return [name for name in found.variables if given or name not in found.values]


def _is_value(text: str) -> bool:
    from gdcli.lang.syntax import parse_value

    try:
        parse_value(text)
    except GdcliError:
        return False
    return True


def _split(text: str) -> list[str]:
    """The words of a text as a shell splits it; at its spaces where a quotation mark is alone."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def whole_command(command: str, words: Sequence[str], options: Mapping[str, str]) -> str:
    """The hint at a command with these arguments; empty where they have another mistake."""
    try:
        found = sort_words(list(words), options, command)
    except GdcliError:
        return ""
    if any("\n" in word for word in words):
        return "end the quotation marks before the option"
    missing: list[str] = []
    if command != "plot" and "--var" in options and "--config" not in words:  # a plot needs no values
        missing = _missing_values(words, options, found)
    return " ".join(["write gdcli", command, *map(quoted, words), *missing])


def _missing_values(words: Sequence[str], options: Mapping[str, str], found: Words) -> list[str]:
    """Values for the variables of the expressions that have none."""
    from gdcli.lang.problems import PROBLEMS

    given = {*found.variables, *(word.removeprefix("--var=").partition("=")[0] for word in words if "=" in word)}
    names = dict.fromkeys(
        name for text in found.positional if text not in PROBLEMS for name in variables_of(text, given=False) or ()
    )
    return [f"--{name} 1" if f"--{name}" not in options else f"--var {name}=1" for name in names if name not in given]


def quoted(word: str) -> str:
    """An argument as it is typed: in double quotation marks where it needs some and they do."""
    if _PLAIN.fullmatch(word):
        return word
    return shlex.quote(word) if _NOT_IN_DOUBLE.search(word) else f'"{word}"'
