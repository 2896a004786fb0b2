"""The findings about a descent as a few lines below its table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from gdcli.contract.diagnosis import Finding

MOST = 3
"""So many findings are shown, the most important ones."""
_FOR_PROGRAMS = frozenset(["no-curvature", "incomplete"])


def shown(findings: Sequence[Finding]) -> list[Finding]:
    """Those of the findings that people see."""
    return [finding for finding in findings if finding.code not in _FOR_PROGRAMS][:MOST]


def diagnosis(findings: Sequence[Finding]) -> RenderableType:
    """Each finding beside its label, with what to try; the same remedy is told once."""
    grid = Table.grid(padding=(0, 1))
    told: set[str] = set()
    for finding in findings:
        text = Text(finding.message)
        remedy = finding.remedy
        if remedy is not None and remedy.options not in told:
            told.add(remedy.options)
            text.append("; try ").append(remedy.options, "bold").append(f" ({remedy.effect})")
        grid.add_row(Text("diagnosis:", "cyan"), text)
    return grid
