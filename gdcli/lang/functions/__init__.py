"""The table of functions: one module per category, and here all of them by category, by name and by spelling. No torch.

signature.py explains the columns and the kinds of parameters. The names are those of
``from torch import *``; the functions of torch.special, torch.linalg and torch.nn.functional are also listed under
their bare names, unless torch has another function of that name (``linalg.norm`` beside ``norm``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gdcli.lang.functions import (
    activations,
    arithmetic,
    choice,
    comparison,
    creation,
    dtypes,
    error_and_gamma,
    exponentials,
    layers,
    linear_algebra,
    losses,
    random_numbers,
    reductions,
    rounding,
    selecting,
    shape,
    sizes,
    trigonometry,
)
from gdcli.lang.functions.elsewhere import SAME
from gdcli.lang.signature import Function

__all__ = ["CATEGORIES", "FUNCTIONS", "MATRIX_OPERATIONS", "METHODS", "SPELLINGS"]

_MODULES = (
    arithmetic,
    trigonometry,
    exponentials,
    error_and_gamma,
    rounding,
    choice,
    comparison,
    reductions,
    selecting,
    shape,
    sizes,
    linear_algebra,
    activations,
    layers,
    losses,
    creation,
    random_numbers,
    dtypes,
)


def _categories() -> dict[str, tuple[Function, ...]]:
    """The functions of each category; the last category holds the aliases."""
    found: dict[str, tuple[Function, ...]] = {module.CATEGORY: module.FUNCTIONS for module in _MODULES}
    others = [row.under(name) for rows in found.values() for row in rows for name in row.other_names]
    return {**found, "other names": tuple(sorted(others, key=lambda row: row.name))}


CATEGORIES: Mapping[str, tuple[Function, ...]] = MappingProxyType(_categories())
FUNCTIONS: Mapping[str, Function] = MappingProxyType({row.name: row for rows in CATEGORIES.values() for row in rows})

METHODS: Mapping[str, Function] = MappingProxyType(
    {name: row for row in FUNCTIONS.values() for name in (row.bare_name, *row.methods) if row.method}
)
"""The function of every method that a tensor has."""

MATRIX_OPERATIONS = frozenset(
    name for name, row in FUNCTIONS.items() if "product" in row.facts or "inversion" in row.facts
)
"""Functions whose derivative is a matrix, not one number per element."""


def _spellings() -> dict[str, Function]:
    """Every way to write each function: ``exp``, ``torch.exp``, ``F.relu``, ``nn.functional.relu``, ``np.exp``."""
    found = dict(FUNCTIONS)
    for row in FUNCTIONS.values():
        for path in (row.path, *row.also):
            found[path] = row
            inside = path.removeprefix("torch.")
            if "." in inside:
                found[inside] = row
            if inside.startswith("nn.functional."):
                found[f"F.{inside.removeprefix('nn.functional.')}"] = row
    return found | {spelling: FUNCTIONS[name] for spelling, name in SAME.items()}


SPELLINGS: Mapping[str, Function] = MappingProxyType(_spellings())
"""The function of every spelling that a call may have."""
