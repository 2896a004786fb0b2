"""Converting arguments of the command line that are more than a number or a name."""

from __future__ import annotations

from typing import Any

from gdcli.contract.reading import plain
from gdcli.errors import GdcliError


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
                f"for example: {_EXAMPLES.get(option, option)}",
            )
        if name.strip() in found:
            raise GdcliError("usage", f"{option} {name.strip()} is given twice", "keep one of them")
        found[name.strip()] = value.strip()
    return list(found.items())


_FORMS = {"--lr-factor": "ITERATION=FACTOR"}
_EXAMPLES = {
    "--opt": "--opt betas=0.9,0.95",
    "--sched": "--sched T_max=100",
    "--bound": "--bound x=-2:2",
    "--domain": "--domain x=-2:2",
    "--lrs": "--lr.x 0.1",
    "--lr-factor": "--lr-factor 50=0.5",
}


def _bounds(option: str, name: str, text: str) -> list[float | None]:
    low, colon, high = text.partition(":")
    ends = [plain(end.strip()) if end.strip() else None for end in (low, high)]
    if not colon or any(isinstance(end, (str, bool, list)) for end in ends) or ends == [None, None]:
        raise GdcliError("usage", f"{option} takes NAME=LOW:HIGH, not '{name}={text}'", f"for example: {option} x=-2:2")
    return [None if end is None else float(end) for end in ends]


def _range(option: str, text: str) -> list[float]:
    ends = [plain(end.strip()) for end in text.split(":")]
    numbers = [float(end) for end in ends if isinstance(end, (int, float)) and not isinstance(end, bool) and end > 0]
    if len(ends) != 2 or len(numbers) != 2:
        message = f"{option} takes LOW:HIGH, two numbers greater than 0, not '{text}'"
        raise GdcliError("usage", message, f"for example: {option} 1e-5:10")
    return numbers


class _AsTyped:
    """Leaves the arguments of an option as they are: contract.reading.read converts them.

    Typer would load pydantic for that, which takes longer than all of gdcli.
    """

    def coerce(self, value: Any, **_: Any) -> Any:
        return value


def leave_as_typed(params: list[Any]) -> None:
    """Keep Typer from converting the values of the parameters."""
    for param in params:
        param._runtime_param = _AsTyped()  # noqa: SLF001 -- Typer offers no other way
