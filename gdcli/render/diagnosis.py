"""The findings about a descent as a few lines below its table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.render.table import beside
from gdcli.render.text import Text

MOST = 3
"""The number of findings that are shown, the most important ones."""
_LIMIT = "work-limit"
_FOR_PROGRAMS = frozenset(["no-curvature", "incomplete"])


def shown(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that are shown to people; that not every remedy was tried, where one of them could have one."""
    found = [finding for finding in findings if finding.code not in {*_FOR_PROGRAMS, _LIMIT}][:MOST]
    faults = [finding for finding in found if finding.code != "rate"]
    if faults and not any(finding.remedy is not None for finding in findings):
        found += [finding for finding in findings if finding.code == _LIMIT]
    return found


def with_remedies(findings: Sequence[Finding]) -> Iterator[tuple[Finding, Remedy | None]]:
    """Each finding with its remedy, unless an earlier finding has the same remedy."""
    told: set[str] = set()
    for finding in findings:
        remedy = finding.remedy
        new = remedy is not None and remedy.options not in told
        told |= {remedy.options} if remedy is not None else set()
        yield finding, remedy if new else None


def diagnosis(findings: Sequence[Finding], width: int) -> RenderableType:
    """Each finding next to its label, with its remedy; the same remedy is given only once."""
    parts: list[RenderableType] = []
    for finding, remedy in with_remedies(findings):
        text = Text(finding.message)
        if remedy is not None:
            text.append("; try ").append(remedy.options, "bold").append(f" ({remedy.effect})")
        parts.append(beside("diagnosis:", text, width))
    return Group(*parts)
