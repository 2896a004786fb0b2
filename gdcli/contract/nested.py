"""Tensors as nested lists: their size, and their numbers in order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from typing import Any

from gdcli.contract.fields import Nested


def size(value: Nested) -> int:
    """How many numbers a tensor has."""
    return sum(map(size, value)) if isinstance(value, list) else 1


def items(value: Nested) -> list[Any]:
    """The numbers of a tensor, in order, as they are."""
    found: list[Any] = value if isinstance(value, list) else [value]
    while found and isinstance(found[0], list):  # the lists of a tensor are equally deep
        found = list(chain.from_iterable(found))
    return found


def flat(value: Nested) -> Iterator[float]:
    """The numbers of a tensor, in order; NaN for None."""
    return (math.nan if item is None else float(item) for item in items(value))
