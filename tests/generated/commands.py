"""Generated command lines: every option with ordinary, extreme and wrong values."""

from __future__ import annotations

import random
from collections.abc import Iterator


def command_case(source: random.Random) -> Iterator[str]:
    yield "none"
    yield ""
