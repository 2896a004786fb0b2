"""The examples of the table of functions with one or two of their numbers changed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from tests.generated.expressions import FUNCTIONS_BY_NAME, compared

_NUMBER = re.compile(r"(?<![\w.])\d+(\.\d+)?(?![\w.])")
NUMBERS = ("0", "-1", "-2", "7", "10**3", "10**6", "10**9", "-(10**9)", "2**31 - 1", "2**31", "2**53 + 1", "2**63 - 1")
NUMBERS += ("10**19", "inf", "-inf", "nan", "1e300", "1e-300", "0.5", "[]", "[1, 2]", "[[], []]", "True", "None", "x")
PARTS = ("", "", "", ".values", ".indices", "[0]", "[-1]", ".T", ".sum()", "*x", "@[1, 2]", " == x", " + x")


def example_case(source: random.Random) -> Iterator[str]:
    """An example with other numbers, and what is wrong with gdcli over it."""
    function = source.choice(FUNCTIONS_BY_NAME)
    text = function.example
    places = list(_NUMBER.finditer(text))
    for match in sorted(source.sample(places, min(len(places), source.choice((1, 1, 2)))), key=lambda m: -m.start()):
        text = f"{text[: match.start()]}{source.choice(NUMBERS)}{text[match.end() :]}"
    missing = [p.name for p in function.parameters if not p.required and p.kind in ("int", "ints", "number")]
    if missing and source.random() < 0.4:
        text = f"{text[:-1]}, {source.choice(missing)}={source.choice(NUMBERS)})" if text.endswith(")") else text
    yield from compared(f"{text}{source.choice(PARTS)}", {}, is_random=True)
