"""The record of a regression that has ended: its coefficients beside the exact ones, and how good both are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gdcli.contract.descent import StopReason
from gdcli.contract.envelope import Notice
from gdcli.contract.regression import Coefficient, Column, RegressionResult, coefficients_of
from gdcli.contract.short import short
from gdcli.regression.quality import qualities

if TYPE_CHECKING:
    from gdcli.regression.exact import Exact
    from gdcli.regression.fit import Fit


def outcome_of(fit: Fit) -> RegressionResult:
    """The record without its iterations."""
    settings, design = fit.settings, fit.design
    answer = fit.answer
    final = fit.final.row()
    exact = answer.exact
    points = [coefficients_of(final), *([] if exact is None else [_joined(exact, intercept=settings.intercept)])]
    found = qualities(settings, design, points)
    record = RegressionResult(
        settings=replace(settings, source=fit.source),
        status=fit.ending.status,  # type: ignore[arg-type]
        message=fit.ending.message,
        rows=design.sample.rows,
        dropped=design.sample.dropped,
        columns=columns_of(fit),
        iterations=[],
        result=final,
        best=fit.best.row(),
        evaluations=fit.evaluations,
        coefficients=_coefficients(fit, points[0], exact),
        quality=found[0],
        exact_quality=found[1] if exact is not None else None,
        exact=answer.without if exact is None else exact.method,
        conditioning=fit.conditioning,
        diagnosis=[],
        warnings=_notices(fit),
    )
    if not fit.diagnoses:
        return record
    from gdcli.regression.findings import findings_of

    return replace(record, diagnosis=findings_of(fit, record))


def columns_of(fit: Fit) -> list[Column]:
    """The columns that were read, in order, the target last."""
    layout, gaps = fit.design.layout, fit.design.sample.gaps
    found: dict[str, Column] = {}
    for base in layout.bases:
        if base.kind == "number":
            about = Column(name=base.source, mean=base.mean, scale=base.scale, missing=gaps.get(base.source, 0))
            found[base.source] = about
    for name, category in layout.categories.items():
        levels, dropped = list(category.levels), category.dropped
        found[name] = Column(name=name, levels=levels, dropped=dropped, missing=gaps.get(name, 0))
    for name in layout.numbers:
        if name not in found and name != layout.target:  # only in an expression
            found[name] = Column(name=name, mean=layout.means.get(name), missing=gaps.get(name, 0))
    levels = list(layout.target_levels)
    return [*found.values(), Column(name=layout.target, levels=levels, missing=gaps.get(layout.target, 0))]


def digits_of_agreement(value: float, exact: float) -> float | None:
    """-log10 of the relative error, of the absolute one where the exact value is 0; at most 17, at least 0.

    It is the LRE of NIST's Statistical Reference Datasets (McCullough 1998).
    """
    if not math.isfinite(value) or not math.isfinite(exact):
        return None
    error = abs(value - exact) / (abs(exact) or 1.0)
    return 17.0 if error == 0 else min(17.0, max(0.0, -math.log10(error)))


def _coefficients(fit: Fit, point: list[float], exact: Exact | None) -> list[Coefficient]:
    design, intercept = fit.design, fit.settings.intercept
    w, b = (point[1:], point[0]) if intercept else (point, 0.0)
    is_finite = all(map(math.isfinite, point))
    values = design.to_units(w, b) if is_finite else [math.nan] * len(point)
    beside = None if exact is None else _joined(exact, intercept=intercept)
    errors = None if exact is None else exact.standard_errors
    return [
        Coefficient(
            name=name,
            value=values[k],
            exact=None if exact is None else exact.coefficients[k],
            digits=None if exact is None else digits_of_agreement(values[k], exact.coefficients[k]),
            standard_error=None if errors is None else errors[k],
            standardized=point[k],
            exact_standardized=None if beside is None else beside[k],
        )
        for k, name in enumerate(design.names)
    ]


def _joined(exact: Exact, *, intercept: bool) -> list[float]:
    """The exact coefficients of the descent, the intercept first."""
    return [*([exact.b] if intercept else []), *exact.w]


def _notices(fit: Fit) -> list[Notice]:
    """What to know about a run."""
    settings, sample = fit.settings, fit.design.sample
    found = []
    if sample.dropped:
        count = f"{sample.dropped:,} of {sample.rows + sample.dropped:,} rows"
        found.append(Notice("dropped", f"{count} have a missing cell and were left out"))
    if fit.ending.reason in (StopReason.NON_FINITE, StopReason.GROWN):
        message = "the steps grew without bound"
        largest = fit.curvature
        if largest and not fit.diagnoses and fit.rate > 2 / largest and settings.batch_size is None:
            message += f": the learning rate {short(fit.rate, 4)} is above 2 / {short(largest, 4)}, the limit for the "
            message += "curvature of this loss"
        found.append(Notice("diverged", message))
    if not fit.table.is_whole and settings.batch_size is not None and settings.shuffle:
        message = "the rows are not in memory: they were shuffled within windows of 524,288 rows"
        found.append(Notice("window", message))
    return found
