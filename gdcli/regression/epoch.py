"""What is known of an epoch of batches while it goes on."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from gdcli.descent.snapshot import Snapshot


class Epoch(Struct):
    """An epoch from its begin on: the updates before it, and the coefficients, the rate and the validation loss then.

    ``losses`` is the sum over the ``rows`` that were evaluated so far.
    """

    updates: int
    values: dict[str, Snapshot]
    rate: Any
    validation: float | None
    losses: float = 0.0
    rows: int = 0
