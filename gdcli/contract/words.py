"""Settings that are written in a form of their own: lists, ranges, and pairs of a name and a value."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from gdcli.errors import GdcliError
from gdcli.lang.suggest import NAME, typographic


def read_word(option: str, word: Any, reads: str, form: str = "NAME=VALUE", variable: str = "x") -> Any:
    """The argument in the form of its setting; arguments of a list of names that was given several times are joined.

    ``form`` is what an error says of pairs and bounds, and ``variable`` one that a hint may name.

    ``reads`` is "list", "columns" (a list in which names may stand in quotation marks), "rates" (a list, or one word),
    "pairs" (a table of NAME=VALUE), "degrees" (of NAME:DEGREE), "bounds" (of NAME=LOW:HIGH), or "range" (LOW:HIGH).

    Raises:
        GdcliError: for an argument that does not have this form.
    """
    if reads in ("list", "columns") and not isinstance(word, str):
        word = ",".join(word)
    if reads == "list" or (reads == "rates" and "," in word):
        return [part.strip() for part in word.split(",")]
    if reads == "columns":
        return names_of_columns(word)
    if reads == "degrees":
        return dict(_degree(option, each) for each in word)
    if reads == "pairs":
        words = [part for each in word for part in (_several(each) if option == "--init" else [each])]
        return {name: plain(value) for name, value in _pairs(option, words, form, variable)}
    if reads == "range":
        return _range(option, word)
    if reads == "bounds":
        words = [text for each in word for text in _NEXT_PAIR.split(each)]
        return {name: _bounds(option, name, value) for name, value in _pairs(option, words, form, variable)}
    return word


def _pairs(option: str, words: list[str], form: str, variable: str) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    of_bounds = form.endswith("LOW:HIGH")
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip() or not value.strip() or (of_bounds and name.strip()[-1] in "<>"):
            hint = _bounds_meant(option, word, variable) if of_bounds else ""
            hint = hint or f"for example: {EXAMPLES.get(form) or EXAMPLES.get(option, option)}"
            raise GdcliError("usage", f"{option} takes {form}, not '{word}'", hint)
        if option in ("--opt", "--sched"):
            _check_parameter(option, word, form)
        found[name.strip()] = value.strip()
    return list(found.items())


def _check_parameter(option: str, word: str, form: str) -> None:
    """Raise GdcliError for several parameters in one word, and for a list in brackets."""
    parts = [part.strip() for part in _NEXT_PARAMETER.split(word)]
    pairs = [_IN_BRACKETS.sub(r"=\1", part) for part in parts]
    if len(parts) > 1 or pairs != parts:
        raise GdcliError("usage", f"{option} takes one {form}, not '{word}'", " ".join(f"{option} {p}" for p in pairs))


def _several(word: str) -> list[str]:
    """The pairs of ``area=2,rooms=3``; a name may have a comma."""
    parts = word.split(",")
    return parts if all("=" in part for part in parts) else [word]


def names_of_columns(text: str) -> list[str]:
    """The names in a line of CSV: one with a comma stands in double quotation marks."""
    names = next(csv.reader([text], skipinitialspace=True), [])
    return [name.strip() for name in names]


def _degree(option: str, word: str) -> tuple[str, int]:
    """The column and the degree of ``area:2``; a name may have a colon."""
    name, colon, degree = word.rpartition(":")
    if not colon or not name.strip() or not degree.strip().isdecimal() or int(degree) < 1:
        hint = f"for example: {option} {name.strip() or word.partition('=')[0].strip() or 'x'}:2"
        raise GdcliError("usage", f"{option} takes COLUMN:DEGREE, not '{word}'", hint)
    return name.strip(), int(degree)


_NEXT_PARAMETER = re.compile(r",(?=\s*[A-Za-z_][\w.:-]*\s*=)")  # mom=0.5,nest=true
_IN_BRACKETS = re.compile(r"=\s*[(\[](.*)[)\]]$")  # betas=(0.5,0.9)
_NEXT_PAIR = re.compile(r",(?=[^,:=]+=)")  # x=0:1,y=2:3
_AXIS = rf"(?:lr\.)?{NAME}(?:\[[\d,-]+\])?"
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?"  # one way to match: two would take n**2 steps
_IS_NUMBER = re.compile(_NUMBER)
# Two numbers, in brackets or without, perhaps after a name: 2:1, x:1:2, x=1,2, x [1 2].
_ENDS = re.compile(
    rf"(?:({NAME})\s*[=:\s]\s*|=\s*)?[\[(]?\s*({_NUMBER})(?:\s*[:,;]\s*|\s*\.\.\s*|\s+)({_NUMBER})\s*[\])]?,?"
)
_INEQUALITY = re.compile(rf"(?:({_NUMBER})\s*<=?\s*)?({NAME})\s*(?:<=?\s*({_NUMBER}))?")
_GREATER = re.compile(rf"({NAME})\s*>=?\s*({_NUMBER})")


def _bounds_meant(option: str, word: str, variable: str) -> str:
    """The hint at the bounds that were meant by a word in another form; empty where that is not clear."""
    option = f"{option} " if option.startswith("--") else ""  # in a config, the pair alone
    if ends := _ENDS.fullmatch(word):
        low, high = sorted((ends[2], ends[3]), key=float)
        named = f"{option}{ends[1] or variable}={low}:{high}"
        return f"did you mean '{named}'?" if ends[1] else f"for example: {named}"
    if greater := _GREATER.fullmatch(word):
        return f"did you mean '{option}{greater[1]}={greater[2]}:'?"
    if (within := _INEQUALITY.fullmatch(word)) and (within[1] or within[3]):
        return f"did you mean '{option}{within[2]}={within[1] or ''}:{within[3] or ''}'?"
    if option == "--zoom ":  # numbers that any axis may have
        name = word.partition("=")[0].strip()
        return f"for example: {option}{name if re.fullmatch(_AXIS, name) else variable}=0.1:0.9"
    return f"for example: {option}{word if word.isidentifier() else variable}=-2:2"


RULE_PARAMETER = "RULE.NAME=VALUE"
EXAMPLES = {
    "--opt": "--opt betas=0.9,0.95",
    "--sched": "--sched T_max=100",
    "--bound": "--bound x=-2:2",
    "--domain": "--domain x=-2:2",
    "--init": "--init area=1",
    "--poly": "--poly x:2",
    "--features": "--features area,rooms",
    "--exclude": "--exclude id",
    "--categorical": "--categorical city",
    "--zoom": "--zoom x=0.1:0.2",
    "--lrs": "--lr.x 0.1",
    "--lr-factor": "--lr-factor 50=0.5",
    "NAME=LOW:HIGH:COUNT": "--over x=-2:2:100",
    RULE_PARAMETER: "--opt adam.betas=0.9,0.95",
}
"""An example of an option, or of those whose value has a form that says more than the option."""


def plain(text: str) -> Any:
    """A word as a parameter of a rule: a number, true, false, none, a list of these (``0.9,0.95``), or text."""
    if "," in text:
        return [plain(part.strip()) for part in text.split(",")]
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError:
            continue
    return text


def read_text(option: str, value: Any, reads: str) -> Any:
    """A setting from a config or a Python call: where an argument would do, it may be that text, or one number."""
    if reads == "list" and value is not None and not isinstance(value, (list, tuple)):
        return read_word(option, value, reads) if isinstance(value, str) else [value]
    if reads in ("columns", "files") and isinstance(value, str):
        return names_of_columns(value) if reads == "columns" else [value]
    if reads == "range" and isinstance(value, str):
        return read_word(option, value, reads)
    if reads == "bounds" and isinstance(value, dict):
        return {name: _ends(option, name, each) for name, each in value.items()}
    return value


def _bounds(option: str, name: str, text: str) -> list[float | None]:
    low, colon, high = text.partition(":")
    ends = [plain(end.strip()) if end.strip() else None for end in (low, high)]
    if not colon or any(isinstance(end, (str, bool, list)) for end in ends) or ends == [None, None]:
        hint = typographic(text) or _bounds_meant(option, f"{name}={text}", name)
        if _IS_NUMBER.fullmatch(text) and option == "--bound":
            hint += f", or {name}={text}: for a lower bound alone, or {name}=:{text} for an upper one"
        raise GdcliError("usage", f"{option} takes NAME=LOW:HIGH, not '{name}={text}'", hint)
    return _without_infinity([None if end is None else float(end) for end in ends])


def _ends(option: str, name: str, value: Any) -> Any:
    """The bounds of a variable in a config: a text, or the two numbers."""
    if isinstance(value, str):
        return _bounds(option, name, value)
    return _without_infinity(value) if isinstance(value, (list, tuple)) and len(value) == 2 else value


def _without_infinity(ends: Sequence[Any]) -> list[Any]:
    """The two ends of a range; an infinite one is none."""
    beyond = (-math.inf, math.inf)
    return [None if isinstance(end, float) and end == far else end for end, far in zip(ends, beyond, strict=True)]


def _range(option: str, text: str) -> list[float]:
    ends = [plain(end.strip()) for end in text.split(":")]
    numbers = [float(end) for end in ends if isinstance(end, (int, float)) and not isinstance(end, bool) and end > 0]
    if len(ends) != 2 or len(numbers) != 2:
        message = f"{option} takes LOW:HIGH, two numbers greater than 0, not '{text}'"
        raise GdcliError("usage", message, typographic(text) or f"for example: {option} 1e-5:10")
    return numbers
