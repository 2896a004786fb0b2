"""Tensors as nested lists: their size, and their numbers in order."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gdcli.contract.fields import Nested


def size(value: Nested) -> int:
    """How many numbers a tensor has."""
    return sum(map(size, value)) if isinstance(value, list) else 1


def flat(value: Nested) -> Iterator[float]:
    """The numbers of a tensor, in order; NaN for None."""
    if isinstance(value, list):
        for item in value:
            yield from flat(item)
    else:
        yield math.nan if value is None else float(value)
