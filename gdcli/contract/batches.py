"""``minimize`` on batches of rows: which variables, how many rows, in which order."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, UnsetType

from gdcli.contract.fields import RULE, meta

Batch = Annotated[
    list[str] | UnsetType,
    meta(
        "variables of data: each step takes a batch of their rows",
        RULE,
        "NAMES",
        words="names of variables, such as X,y",
        reads="list",
    ),
]
BatchSize = Annotated[
    Annotated[int, Meta(ge=1)] | UnsetType,
    meta("with --batch, rows of a batch", RULE, "N", words="a whole number of at least 1", shown="32"),
]
Shuffle = Annotated[
    bool | UnsetType,
    meta("with --batch, draw the rows of each epoch in random order (default); else in that of the data", RULE),
]
