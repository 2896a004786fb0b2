"""The document that a page carries for download: the record as JSON, compressed."""

from __future__ import annotations

import base64
import zlib
from typing import NamedTuple, TypeAlias

from msgspec import UNSET
from msgspec.structs import replace

from gdcli.contract.compare import CompareResult
from gdcli.contract.descent import DescentRecord
from gdcli.contract.plot import PlotResult
from gdcli.contract.regression import RegressionResult
from gdcli.contract.sweep import SweepResult
from gdcli.render.documents import json_line
from gdcli.render.page.thin import some

PageRecord: TypeAlias = DescentRecord | CompareResult | PlotResult | RegressionResult | SweepResult
"""The records that have a page."""

_TRIES = 6
_MOST_CELLS = 50_000  # of a sweep
_LEAST = 2  # iterations
_USUAL = 0.6  # characters for a byte of digits


class Attached(NamedTuple):
    """The document: zlib in base64 (empty if it does not fit), its size, and a note on what was left out."""

    base64: str
    size: int
    note: str


def attached(record: PageRecord, room: int) -> Attached:
    """The document of a record in at most ``room`` characters, with fewer iterations if necessary.

    The same record gives the same characters: they do not depend on the time or the machine.
    """
    whole = record
    if isinstance(record, SweepResult) and record.cells > _MOST_CELLS:
        record = replace(record, grid=UNSET)
    for _ in range(_TRIES):
        document = json_line(record)
        length = int(_USUAL * len(document))
        if length <= 2 * room:  # otherwise it will not fit, and compression takes long
            text = base64.b64encode(zlib.compress(document, 6)).decode()
            length = len(text)
            if length <= room:
                return Attached(text, len(document), _note(whole, record))
        if not isinstance(record, DescentRecord | RegressionResult) or len(record.iterations) <= _LEAST:
            break
        fewer = max(_LEAST, int(0.9 * len(record.iterations) * room / length))
        if isinstance(record, RegressionResult):
            record = replace(record, iterations=some(record.iterations, fewer))
        else:
            record = replace(record, iterations=some(record.iterations, fewer), walk=UNSET)
    return Attached(
        "", len(document), f"the JSON of this run, {len(document):,} bytes, is too large for a page: use --json"
    )


def _note(whole: PageRecord, shown: PageRecord) -> str:
    """A note on the iterations or the cells that the document has."""
    if isinstance(whole, SweepResult) and whole is not shown and whole.grid is not UNSET:
        return "the JSON has no cells: use --json --cells"
    if isinstance(whole, RegressionResult) and isinstance(shown, RegressionResult):
        of, has = len(whole.iterations), len(shown.iterations)
        few = f"the JSON has {has:,} of {of:,} iterations: the first ones, then evenly spaced ones"
        return few if has < of else ""
    if not isinstance(whole, DescentRecord) or not isinstance(shown, DescentRecord):
        return ""
    first = whole.result.iteration + (
        bool(whole.iterations) and whole.iterations[-1].iteration == whole.result.iteration
    )
    has = len(shown.iterations)
    equations = " and no equations of the updates" if whole.walk is not UNSET and shown.walk is UNSET else ""
    if has == first and not equations:
        return ""
    return f"the JSON has {has:,} of {first:,} iterations{equations}: the first ones, then evenly spaced ones"
