"""The title of a descent: what is minimized or maximized, which variables move, and which stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from gdcli.contract.descent import DescentSettings, FitLinearSettings, MinimizeSettings
from gdcli.contract.envelope import listed
from gdcli.contract.regression import RegressionSettings
from gdcli.contract.short import in_a_title
from gdcli.contract.sources import GIVEN, described

if TYPE_CHECKING:
    from gdcli.descent.run import Descent


def task(settings: DescentSettings, expression: str = "") -> str:
    """What a descent does: ``minimize (x - 1.5)**2``, with another text for the expression if one is given."""
    if isinstance(settings, FitLinearSettings):
        from gdcli.complete.fit_linear import loss_expression

        verb = "maximize over W" if settings.maximize else "fit W in"
        return f"{verb} {loss_expression(settings.activation)}"
    if not expression and isinstance(settings, MinimizeSettings):
        expression = in_a_title(settings.expression)
    return f"{'maximize' if settings.maximize else 'minimize'} {expression}"


def title_of(descent: Descent[Any]) -> str:
    """The same, and which variables move and stay: ``minimize sum((W @ x)**2) over W; x stays fixed``."""
    moving = descent.problem.wrt
    fixed = [name for name in descent.problem.tensors if name not in moving]
    called = {name: described(descent.settings, name) for name in descent.problem.tensors}
    shapes = {name: "x".join(map(str, leaf.shape)) for name, leaf in descent.problem.leaves.items()}
    named = [f"{name} ({shape})" if shape and called[name] == name else called[name] for name, shape in shapes.items()]
    over = "" if isinstance(descent.settings, FitLinearSettings) else f" over {', '.join(named)}"
    stays = f"; {listed(called[name] for name in fixed)} stay{'s' * (len(fixed) == 1)} fixed" if fixed else ""
    return f"{task(descent.settings)}{over}{stays}{_in_batches(descent)}"


def _in_batches(descent: Descent[Any]) -> str:
    """How many rows each step takes: ``; in batches of 32 of 97 rows``."""
    batches = descent.problem.batches
    return "" if batches is None else f"; in batches of {batches.size:,} of {batches.rows:,} rows"


_MOST_NAMED = 4


def title_of_regression(settings: RegressionSettings, features: Sequence[str]) -> str:
    """What a regression does: ``fit-linear houses.csv: price by area and rooms``."""
    files = [PurePath(path).name if path != "-" else "standard input" for path in settings.data]
    data = files[0] if len(files) == 1 else f"{len(files)} files"
    data = f" {data}" if files != [GIVEN] else ""  # columns from Python have no name
    by = listed(features) if 0 < len(features) <= _MOST_NAMED else f"{len(features):,} features"
    return f"fit-linear{data}: {settings.target} by {by}"
