"""The catalogue of update rules and schedules, by name. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gdcli.rules.row import RuleRow, ScheduleRow
from gdcli.rules.rows import by_hand, line_search, schedules, torch_optim

RULES: Mapping[str, RuleRow] = MappingProxyType(
    {row.name: row for rows in (by_hand, line_search, torch_optim) for row in rows.ROWS}
)
SCHEDULES: Mapping[str, ScheduleRow] = MappingProxyType({row.name: row for row in schedules.ROWS})


def linear_by_hand(kind: str) -> str:
    """The name of the rule by hand whose steps are linear in the gradient in this way."""
    return next(row.name for row in RULES.values() if row.linear == kind and not row.path)
