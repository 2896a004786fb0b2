"""The order in which PyTorch's kernel adds the numbers of a contiguous tensor."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import torch

Tree = int | tuple["Tree", "Tree"]
"""The order of a sum: the number of a term, or a sum of two."""
_LEVELS = 4
_ROWS_AT_ONCE = 4
_TRIALS, _TERMS = 16, 100  # sums whose order is looked for
MOST_TERMS = 512
"""Of a sum whose order is kept."""


def lanes(dtype: torch.dtype) -> int:
    """How many elements PyTorch's pointwise kernels take at once."""
    wide = 64 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 32
    return wide // dtype.itemsize


@functools.cache
def lanes_of_sum(dtype: torch.dtype) -> int:
    """How many elements the kernel of a sum takes at once, found by trying: with AVX512 too it may be those of AVX2."""
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randn(_TRIALS, _TERMS, generator=generator, dtype=torch.float64).to(dtype)
    expected = torch.stack([row.clone().sum() for row in numbers])
    rows = numbers.T.contiguous().unbind()
    for wide in (32, 64, 16):
        tree = order_of_sum(_TERMS, wide // dtype.itemsize)
        if torch.equal(add_in_order(tree, rows, torch.empty_like(expected)), expected):
            return wide // dtype.itemsize
    return lanes(dtype)


def order_of_sum(terms: int, lanes: int) -> Tree:
    """The order in which PyTorch's kernel adds ``terms`` contiguous numbers, ``lanes`` of them at once.

    Source: ``vectorized_inner_sum``, ``scalar_inner_sum`` and ``row_sum`` in ATen/native/cpu/SumKernel.cpp.
    """
    if terms < lanes:
        return _order_of_row(terms, lambda i: i)
    rows = terms // lanes
    found: Tree | None = None
    for i in range(rows * lanes, terms):
        found = _plus(found, i)
    if rows:
        for lane in range(lanes):
            found = _plus(found, _order_of_row(rows, lambda row, lane=lane: row * lanes + lane))  # type: ignore[misc]
    if found is None:
        raise ValueError("a sum has at least one term")
    return found


def _order_of_row(size: int, term: Callable[[int], int]) -> Tree:
    """A sum of ``size`` numbers in one lane: four sums side by side, each in levels."""
    whole = size // _ROWS_AT_ONCE
    sums = [_order_in_levels(whole, lambda i, k=k: term(_ROWS_AT_ONCE * i + k)) for k in range(_ROWS_AT_ONCE)]  # type: ignore[misc]
    for i in range(whole * _ROWS_AT_ONCE, size):
        sums[0] = _plus(sums[0], term(i))
    first = sums[0]
    for other in sums[1:]:
        first = first if other is None else _plus(first, other)
    if first is None:
        raise ValueError("a sum has at least one term")
    return first


def _order_in_levels(size: int, term: Callable[[int], int]) -> Tree | None:
    power = max(4, math.ceil(math.log2(size)) // _LEVELS) if size > 1 else 4
    step, levels, i = 1 << power, [None] * _LEVELS, 0
    found: list[Tree | None] = list(levels)
    while i + step <= size:
        for _ in range(step):
            found[0] = _plus(found[0], term(i))
            i += 1
        for j in range(1, _LEVELS):
            found[j] = _plus_maybe(found[j], found[j - 1])
            found[j - 1] = None
            if i & ((step - 1) << (j * power)):
                break
    while i < size:
        found[0] = _plus(found[0], term(i))
        i += 1
    for j in range(1, _LEVELS):
        found[0] = _plus_maybe(found[0], found[j])
    return found[0]


def _plus(a: Tree | None, b: Tree) -> Tree:
    return b if a is None else (a, b)


def _plus_maybe(a: Tree | None, b: Tree | None) -> Tree | None:
    return a if b is None else _plus(a, b)


def add_in_order(tree: Tree, rows: Sequence[torch.Tensor], out: torch.Tensor) -> torch.Tensor:
    """The sum of some rows in an order; ``out`` becomes it."""
    chain: list[Tree] = []
    while isinstance(tree, tuple):
        tree, right = tree
        chain.append(right)
    first = rows[tree]
    for right in reversed(chain):
        second = rows[right] if isinstance(right, int) else add_in_order(right, rows, torch.empty_like(out))
        first = torch.add(first, second, out=out)
    return first
