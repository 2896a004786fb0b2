"""What to do about a column of texts that is read as numbers: the hint of the error, by what the column is for."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from gdcli.contract.regression import RegressionSettings
from gdcli.errors import GdcliError
from gdcli.regression.plan import feature_expression, plan

if TYPE_CHECKING:
    from gdcli.data.rows.rows import Rows

_LOOKED_AT = 1_000  # rows


def with_way_out(error: GdcliError, settings: RegressionSettings, data: Rows) -> GdcliError:
    """The error, with another hint where --categorical and --exclude do not lead on."""
    wanted = plan(settings, data.columns, data.name)
    names = [name for name in wanted.numbers if error.hint.endswith(f"--exclude {shlex.quote(name)}")]
    if "--categorical" not in error.hint or not names:
        return error
    name = max(names, key=len)
    quoted = shlex.quote(name)
    uses = [text for text in wanted.expressions if name in feature_expression(text, data.columns).variables]
    if name == settings.target:  # it is needed
        error.hint = "a target is a column of numbers, or of two categories: --loss logistic --categorical " + quoted
    elif uses:
        error.hint = f"a feature is computed of columns of numbers: leave out --feature {shlex.quote(uses[0])}"
    elif _is_unique(data, name):
        error.hint = f"leave it out with --exclude {quoted}: it has another text in each row"
    return error


def _is_unique(data: Rows, name: str) -> bool:
    """Whether no two of the first rows have the same text in a column."""
    first = next(data.batches([], [name], size=_LOOKED_AT), None)
    return first is not None and 2 < first.count == len(set(first.texts[name]))
