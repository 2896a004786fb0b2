"""The catalogue of update rules and schedules, by name. No torch here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gdcli.rules.row import RuleRow, ScheduleRow
from gdcli.rules.rows import by_hand, line_search, schedules, torch_optim

OWN = re.compile(r"[^\s:=,]+:[^\s:=,]+")
"""The name of somebody's own class of optimizers: ``package.module:Class``."""


class _Rules(dict[str, RuleRow]):
    """Rows by name; the row of somebody's own class, ``module:Class``, is made when it is asked for."""

    def __missing__(self, name: str) -> RuleRow:
        if not is_own(name):
            raise KeyError(name)
        from gdcli.rules.own import row_of  # imports torch

        return row_of(name)


RULES: Mapping[str, RuleRow] = MappingProxyType(
    _Rules({row.name: row for rows in (by_hand, line_search, torch_optim) for row in rows.ROWS})
)
"""The rules of the catalogue. ``RULES["module:Class"]`` is that of an own class, which is not among its keys."""
SCHEDULES: Mapping[str, ScheduleRow] = MappingProxyType({row.name: row for row in schedules.ROWS})


def is_own(name: str) -> bool:
    """Whether a name is that of somebody's own class of optimizers: ``package.module:Class``."""
    return OWN.fullmatch(name) is not None


def linear_by_hand(kind: str) -> str:
    """The name of the rule by hand whose steps are linear in the gradient in this way."""
    return next(row.name for row in RULES.values() if row.linear == kind and not row.path)
