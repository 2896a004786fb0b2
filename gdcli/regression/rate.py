"""The largest curvature of a loss over the data, for the learning rate of ``--lr auto``."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from gdcli.regression.design import Design

_MOST_EXACT = 200  # columns up to which X'X is formed
_TOLERANCE = 1e-4
_MOST_PASSES = 50


def largest_curvature(design: Design, *, is_mean: bool) -> float:
    """The largest eigenvalue of X'X / n, with a column of ones for an intercept; of X'X where the loss is a sum.

    Of up to 200 columns from X'X itself, beyond by power iteration, which reads the data once a step.
    """
    n = design.sample.rows if is_mean else 1
    if design.width <= _MOST_EXACT:
        total = torch.zeros((1, 1), dtype=torch.float64)
        for A in _with_ones(design):  # noqa: N806
            total = total + A.T @ A
        return float(torch.linalg.eigvalsh(total)[-1]) / n if total.numel() else 0.0
    ones = 1 if design.layout.intercept else 0
    v = torch.randn(design.width + ones, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    largest = 0.0
    for _ in range(_MOST_PASSES):
        v = v / v.norm()
        product = torch.zeros_like(v)
        for A in _with_ones(design):  # noqa: N806
            product += A.T @ (A @ v)
        before, largest = largest, float(v @ product)
        if abs(largest - before) <= _TOLERANCE * largest:
            break
        v = product
    return largest / n


def _with_ones(design: Design) -> Iterator[torch.Tensor]:
    """The batches of X, with a column of ones for an intercept."""
    for X, _ in design.batches():  # noqa: N806
        yield torch.cat([X.new_ones((len(X), 1)), X], 1) if design.layout.intercept else X
