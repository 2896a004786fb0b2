"""The figure of a regression: the data with its fit, the loss by epoch, and the loss over its coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from msgspec.structs import replace

from gdcli.contract.figure import CurvesPanel, Figure, MapLine, Panel, Path, Remark, finite
from gdcli.contract.regression import RegressionResult
from gdcli.contract.short import short
from gdcli.landscape.panels import curves_panel
from gdcli.regression.coefficient_plane import loss_over_coefficients
from gdcli.regression.sample import Over, Sample
from gdcli.regression.scatter import data_panel, predicted_panel, residuals_panel, score_panel
from gdcli.regression.trail import RowTrail


def regression_figure(
    title: str,
    outcome: RegressionResult,
    trail: RowTrail,
    sample: Sample,
    over: Over | None = None,
    *,
    gradient_norm: bool = False,
) -> Figure:
    """The figure of a regression that has ended, from the trail of its rows, the last one included.

    With ``over``, the one column that all features are made of, the data with the fit as it moves; otherwise predicted
    against actual numbers, and the residuals. Beside them the loss, and the loss over two coefficients or a plane of
    them. With ``gradient_norm``, the last panel is the norm of the gradient.
    """
    remarks: list[Remark] = []
    panels: list[Panel] = []
    logistic = outcome.settings.loss == "logistic"
    if over is not None:
        panels.append(data_panel(outcome, trail, sample, over))
    elif logistic:
        panels.append(score_panel(outcome, trail, sample))
    else:
        panels += [predicted_panel(outcome, trail, sample), residuals_panel(outcome, trail, sample)]
    panels.append(_loss(outcome, trail, remarks))
    panels.append(loss_over_coefficients(outcome, trail, sample, remarks))
    if gradient_norm:
        panels.append(_curves("gradient norm", trail, [_number(row.gradient) for row in trail.rows]))
    if len(sample.target) < sample.rows:
        message = f"points and contours are of {len(sample.target):,} of {sample.rows:,} rows, evenly spaced"
        remarks.append(Remark("sample", message))
    return Figure(title, caption(outcome, trail), panels, remarks)


def caption(outcome: RegressionResult, trail: RowTrail) -> str:
    """The loss, the update rule and the number of updates in one line."""
    settings = outcome.settings
    lr = trail.rows[0].lr
    parts = [settings.loss, "standardized" if settings.standardize else "not standardized", settings.optimizer]
    parts += [f"lr {lr:.6g}"] if lr is not None else []
    if settings.batch_size is not None:
        parts.append(f"batches of {settings.batch_size:,}")
    parts += [f"{name} {getattr(settings, name):.6g}" for name in ("l2", "l1") if getattr(settings, name)]
    if settings.schedule != "none":
        parts.append(f"schedule {settings.schedule}")
    made = outcome.result.iteration
    return ", ".join([*parts, f"{made:,} update{'s' * (made != 1)}"])


def _curves(title: str, trail: RowTrail, numbers: Sequence[float]) -> CurvesPanel:
    counts = [trail.count_of(row) for row in trail.rows]
    return curves_panel(
        title, [Path(trail.label, counts, list(map(float, counts)), list(numbers), trail.counted)], trail.counted
    )


def _loss(outcome: RegressionResult, trail: RowTrail, remarks: list[Remark]) -> CurvesPanel:
    """The loss by epoch, with the loss of the exact answer, and that of the rows kept apart for validation."""
    rows = trail.rows
    panel = _curves("loss", trail, [_number(row.loss) for row in rows])
    if len(rows) < trail.count:
        message = f"{len(rows):,} of {trail.count:,} states are drawn: the first ones, and others evenly spaced"
        remarks.append(Remark("thinned", message))
    lines = []
    if outcome.exact_quality is not None and outcome.exact_quality.loss is not None:
        exact = outcome.exact_quality.loss
        lines.append(MapLine("exact answer", [panel.x.low, panel.x.high], [exact, exact]))
    apart = [(row, row.validation) for row in rows if isinstance(row.validation, float)]
    if apart:
        counts = [float(trail.count_of(row)) for row, _ in apart]
        lines.append(MapLine("validation", counts, [number for _, number in apart]))
    if any(number > panel.y.high for number in finite(panel.curves[0].y)):
        remarks.append(Remark("cut-off", f"losses above {short(panel.y.high, 3)} are cut off"))
    low, high = panel.y.low, panel.y.high
    beside = [y for line in lines for y in finite(line.y) if y > 0 or not panel.y.log]
    top = [y for y in beside if y <= 10 * high] if panel.y.log else [y for y in beside if y <= 2 * high]
    seen = replace(panel.y, low=min([low, *beside]), high=max([high, *top]))
    return replace(panel, y=seen, lines=lines)


def _number(value: float | None) -> float:
    return torch.nan if value is None else value
