"""Which columns of the data a regression reads, and what it makes of them: from settings and the names of the columns.

No torch here: what is wrong with a name is said before anything is computed.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

from msgspec import Struct

from gdcli.contract.regression import RegressionSettings
from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.nodes import Expression, Variable, postorder
from gdcli.lang.parsing import is_program, parse
from gdcli.lang.suggest import did_you_mean, lookalike

INTERCEPT = "intercept"
_SHOWN = 8  # columns in a hint


class Plan(Struct, frozen=True, kw_only=True):
    """The columns to read (``numbers``, ``texts``) and the features to make of them, in order.

    ``features`` are columns, each with the number of its powers; one that is in ``categorical`` is one-hot encoded.
    ``expressions`` are the features that are computed of columns.
    """

    target: str
    features: dict[str, int]
    categorical: tuple[str, ...]
    expressions: tuple[str, ...]
    numbers: tuple[str, ...]
    texts: tuple[str, ...]

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that are read for the features, without the target."""
        return tuple(name for name in (*self.numbers, *self.texts) if name != self.target)


def plan(settings: RegressionSettings, columns: Sequence[str], source: str) -> Plan:
    """What a regression reads of data with these ``columns``; ``source`` is what a sentence calls the data.

    Raises:
        GdcliError: for an unknown column, and for options that contradict each other.
        ExpressionError: for a feature that is no expression of columns.
    """
    _check_names(settings, columns, source)
    categorical = tuple(name for name in settings.categorical if name != settings.target)
    left_out = {settings.target, *settings.exclude}
    named = list(dict.fromkeys([*settings.features, *categorical, *settings.poly]))
    chosen = named if settings.features else [name for name in columns if name not in left_out]
    _check_chosen(settings, named)
    if settings.intercept and INTERCEPT in chosen:
        message = f"a column is called '{INTERCEPT}', and so is the intercept of the model"
        raise GdcliError("columns", message, f"rename it, or leave out one of the two: --exclude {INTERCEPT}")
    expressions = tuple(dict.fromkeys(settings.feature))
    used = [name for text in expressions for name in variables_of(text, columns, settings, source)]
    target_is_text = settings.target in settings.categorical
    numbers = [*(name for name in chosen if name not in categorical), *used]
    if not chosen and not expressions:
        raise GdcliError("columns", f"{source} has no columns to predict '{settings.target}' from")
    return Plan(
        target=settings.target,
        features={name: settings.poly.get(name, 1) for name in chosen},
        categorical=categorical,
        expressions=expressions,
        numbers=tuple(dict.fromkeys([*numbers, *([] if target_is_text else [settings.target])])),
        texts=(*categorical, *([settings.target] if target_is_text else [])),
    )


def variables_of(text: str, columns: Collection[str], settings: RegressionSettings, source: str) -> tuple[str, ...]:
    """The columns that a feature is computed of.

    Raises:
        ExpressionError: for what is no expression, a name that is no column, and one that is the target or categories.
    """
    expression = feature_expression(text, columns)
    if not expression.variables:
        raise ExpressionError(
            "columns", "the feature is a constant: it has no column", source=text, span=expression.place
        )
    spans = {node.name: node.span for node in postorder(expression.root) if isinstance(node, Variable)}
    for name in expression.variables:
        span = spans[name]
        if name not in columns:
            hint = _meant(name, columns)
            raise ExpressionError("columns", f"{source} has no column '{name}'", hint, source=text, span=span)
        if name == settings.target:
            message = f"the feature uses '{name}', which is the target"
            raise ExpressionError("columns", message, source=text, span=span)
        if name in settings.categorical:
            message = f"the feature uses '{name}', whose cells are categories, not numbers"
            hint = f"a feature is computed of columns of numbers: leave out --feature {shlex.quote(text)}"
            raise ExpressionError("columns", message, hint, source=text, span=span)
    return expression.variables


def feature_expression(text: str, columns: Collection[str]) -> Expression:
    """A feature, parsed; the names of columns are variables, whatever else has such a name."""
    if is_program(text):
        message = "a feature is one expression, without statements"
        raise ExpressionError("columns", message, "for example: log(area)", source=text, span=(0, len(text)))
    return parse(text, columns)


def no_column(name: str, columns: Collection[str], source: str, option: str) -> GdcliError:
    """The error for a column that is not there."""
    return GdcliError("columns", f"{source} has no column '{name}' ({option})", _meant(name, columns))


def _meant(name: str, columns: Collection[str]) -> str:
    trimmed = [column for column in columns if column.strip().lower() == name.strip().lower()]
    if trimmed:
        return f"did you mean '{trimmed[0]}'?"
    shown = ", ".join(list(columns)[:_SHOWN]) + (", ..." if len(columns) > _SHOWN else "")
    return lookalike(name, columns) or did_you_mean(name, columns) or f"its columns are {shown}"


def _check_names(settings: RegressionSettings, columns: Sequence[str], source: str) -> None:
    options = {
        "--target": [settings.target],
        "--features": settings.features,
        "--exclude": settings.exclude,
        "--categorical": settings.categorical,
        "--poly": settings.poly,
    }
    for option, names in options.items():
        for name in names:
            if name not in columns:
                raise no_column(name, columns, source, option)


def _check_chosen(settings: RegressionSettings, named: Collection[str]) -> None:
    target, names = settings.target, settings.features
    if target in names or target in settings.poly:
        raise GdcliError("columns", f"'{target}' is the target, so it cannot be a feature too")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise GdcliError("columns", f"--features names '{twice}' twice")
    both = next((name for name in named if name in settings.exclude), None)
    if both is not None:
        raise GdcliError("columns", f"'{both}' is excluded, and named as a feature too", "give one of the two options")
    powers = next((name for name in settings.poly if name in settings.categorical), None)
    if powers is not None:
        raise GdcliError("columns", f"'{powers}' is categorical, so it has no powers", "leave out one of the options")


def no_coefficient(name: str, names: Collection[str]) -> GdcliError:
    """The error for a start of what is no coefficient."""
    shown = ", ".join(list(names)[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    hint = did_you_mean(name, names) or f"the coefficients are {shown}"
    return GdcliError("init", f"there is no coefficient '{name}' (--init)", hint)
