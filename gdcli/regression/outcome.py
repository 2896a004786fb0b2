"""The record of a regression that has ended: its coefficients beside the exact ones, and how good both are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gdcli.contract.descent import StopReason
from gdcli.contract.envelope import Notice
from gdcli.contract.fields import in_record
from gdcli.contract.regression import Coefficient, Column, Conditioning, RegressionResult, coefficients_of
from gdcli.contract.short import short
from gdcli.regression.agreement import digits
from gdcli.regression.conditioning import (
    curvature_of,
    hessian_condition,
    raw_condition,
    standardized_condition,
    steps_by_simulation,
    steps_by_theory,
)
from gdcli.regression.losses import LOSSES
from gdcli.regression.quality import Point, qualities, qualities_apart

if TYPE_CHECKING:
    from gdcli.regression.exact import Exact
    from gdcli.regression.fit import Fit


def outcome_of(fit: Fit) -> RegressionResult:
    """The record without its iterations."""
    settings, design = fit.settings, fit.design
    answer = fit.answer
    final = fit.final.row()
    exact = answer.exact
    point = coefficients_of(final)
    w, b = (point[1:], point[0]) if settings.intercept else (point, 0.0)
    points = [Point(w, b), *([] if exact is None else [Point.of(exact)])]
    found = qualities(settings, design, answer.factor, points, fit.gather)
    apart = qualities_apart(settings, design, points, fit.gather) if settings.validate is not None else [None, None]
    record = RegressionResult(
        settings=in_record(replace(settings, source=fit.source)),
        status=fit.ending.status,  # type: ignore[arg-type]
        message=fit.ending.message,
        rows=design.sample.rows,
        dropped=design.sample.dropped,
        columns=columns_of(fit),
        iterations=[],
        result=final,
        best=fit.best.row(),
        evaluations=fit.evaluations,
        coefficients=_coefficients(fit, point, exact),
        quality=found[0],
        exact_quality=found[1] if exact is not None else None,
        validation_quality=apart[0],
        exact_validation_quality=apart[1] if exact is not None else None,
        exact=answer.without if exact is None else exact.method,
        conditioning=_conditioning(fit, exact),
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


ACCURACY = 1e-6


def _conditioning(fit: Fit, exact: Exact | None) -> Conditioning | None:
    """The condition numbers, and how many steps plain descent on all rows needs; None for a loss without curvature."""
    answer, settings, found = fit.answer, fit.settings, fit.spectrum
    if answer.factor is None or found is None:
        return None
    bound = 2 / found.largest if found.largest else None
    rate = fit.rate if bound is None or fit.rate < bound else 1 / found.largest
    is_quadratic = LOSSES[settings.loss].is_quadratic and not settings.l1
    simulated = None
    if exact is not None and is_quadratic:
        w, b = fit.design.from_units([settings.init.get(name, 0.0) for name in fit.design.names])
        lead = [[b], [exact.b]] if settings.intercept else [[], []]
        simulated = steps_by_simulation(found, rate, ACCURACY, [*lead[0], *w], [*lead[1], *exact.w])
    raw, standardized = raw_condition(fit.design, answer.factor), standardized_condition(answer.factor)
    if settings.l2 and (factor := curvature_of(settings.loss, answer.factor.rows)):
        raw, standardized = (
            hessian_condition(fit.design, answer.factor, 2 * settings.l2 / factor, standardized=each)
            for each in (False, True)
        )
    return Conditioning(
        raw=raw,
        standardized=standardized,
        largest=found.largest,
        smallest=found.smallest,
        rate=bound,
        lr=rate,
        accuracy=ACCURACY,
        steps_by_theory=steps_by_theory(found, rate, ACCURACY) if is_quadratic and exact is not None else None,
        steps_by_simulation=simulated,
    )


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
            digits=None if exact is None else digits(values[k], exact.coefficients[k]),
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
        count = f"{sample.dropped:,} of {sample.read:,} rows"
        found.append(Notice("dropped", f"{count} have a missing cell and were left out"))
    if fit.ending.reason in (StopReason.NON_FINITE, StopReason.GROWN):
        message = "the steps grew without bound"
        if not fit.is_finite_at_start:
            message = "the loss or its gradient is not finite at the start; try another start, or --dtype float64"
        largest = fit.curvature
        if (
            largest
            and fit.is_finite_at_start
            and not fit.diagnoses
            and fit.rate > 2 / largest
            and settings.batch_size is None
        ):
            message += f": the learning rate {short(fit.rate, 4)} is above 2 / {short(largest, 4)}, the limit for the "
            message += "curvature of this loss"
        found.append(Notice("diverged", message))
    gaps = {name: count for name, count in sample.gaps.items() if name != settings.target}
    if settings.missing == "mean" and gaps:
        counted = ", ".join(f"'{name}' has {count:,}" for name, count in gaps.items())
        found.append(Notice("filled", f"the mean of a column takes the place of its missing cells: column {counted}"))
    if settings.weight_decay:
        message = "weight decay changes what is minimized, and the exact answer is that of the loss without it; --l2 "
        message += "adds a penalty to the loss itself"
        found.append(Notice("weight-decay", message))
    if not fit.table.is_whole and settings.batch_size is not None and settings.shuffle:
        message = "the rows are not in memory: they were shuffled within windows of 524,288 rows"
        found.append(Notice("window", message))
    return found
