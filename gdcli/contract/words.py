"""Settings that are written in a form of their own: lists, ranges, and pairs of a name and a value."""

from __future__ import annotations

from typing import Any

import msgspec

from gdcli.errors import GdcliError
from gdcli.lang.suggest import typographic


def read_word(option: str, word: Any, reads: str) -> Any:
    """The argument in the form of its setting.

    ``reads`` is "list", "rates" (a list, or one word), "pairs" (a table of NAME=VALUE), "bounds" (of NAME=LOW:HIGH), or
    "range" (LOW:HIGH).

    Raises:
        GdcliError: for an argument that does not have this form.
    """
    if reads == "list" or (reads == "rates" and "," in word):
        return [part.strip() for part in word.split(",")]
    if reads == "pairs":
        return {name: plain(value) for name, value in _pairs(option, word)}
    if reads == "range":
        return _range(option, word)
    if reads == "bounds":
        return {name: _bounds(option, name, value) for name, value in _pairs(option, word)}
    return word


def _pairs(option: str, words: list[str]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise GdcliError(
                "usage",
                f"{option} takes {_FORMS.get(option, 'NAME=VALUE')}, not '{word}'",
                f"for example: {EXAMPLES.get(option, option)}",
            )
        found[name.strip()] = value.strip()
    return list(found.items())


_FORMS = {"--lr-factor": "ITERATION=FACTOR"}
EXAMPLES = {
    "--opt": "--opt betas=0.9,0.95",
    "--sched": "--sched T_max=100",
    "--bound": "--bound x=-2:2",
    "--domain": "--domain x=-2:2",
    "--lrs": "--lr.x 0.1",
    "--lr-factor": "--lr-factor 50=0.5",
}


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
    if reads == "range" and isinstance(value, str):
        return read_word(option, value, reads)
    if reads == "bounds" and isinstance(value, dict):
        return {k: _bounds(option, k, each) if isinstance(each, str) else each for k, each in value.items()}
    return value


def _bounds(option: str, name: str, text: str) -> list[float | None]:
    low, colon, high = text.partition(":")
    ends = [plain(end.strip()) if end.strip() else None for end in (low, high)]
    if not colon or any(isinstance(end, (str, bool, list)) for end in ends) or ends == [None, None]:
        hint = typographic(text) or f"for example: {option} x=-2:2"
        raise GdcliError("usage", f"{option} takes NAME=LOW:HIGH, not '{name}={text}'", hint)
    return [None if end is None else float(end) for end in ends]


def _range(option: str, text: str) -> list[float]:
    ends = [plain(end.strip()) for end in text.split(":")]
    numbers = [float(end) for end in ends if isinstance(end, (int, float)) and not isinstance(end, bool) and end > 0]
    if len(ends) != 2 or len(numbers) != 2:
        message = f"{option} takes LOW:HIGH, two numbers greater than 0, not '{text}'"
        raise GdcliError("usage", message, typographic(text) or f"for example: {option} 1e-5:10")
    return numbers
