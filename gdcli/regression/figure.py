"""The figure of a regression: the data with its fit, the loss by epoch, and the loss over its coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from msgspec.structs import replace

from gdcli.contract.figure import CurvesPanel, Figure, MapLine, Panel, Path, Remark, ScatterPanel, finite
from gdcli.contract.regression import RegressionResult
from gdcli.contract.short import short
from gdcli.landscape.descent import options_in_words
from gdcli.landscape.panels import curves_panel
from gdcli.regression.coefficient_plane import loss_over_coefficients
from gdcli.regression.sample import Known, Over, Sample
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
    known = Known.of(outcome)
    panels: list[Panel] = [points_panel(known, trail, sample, over)]
    if over is None and known.settings.loss != "logistic":
        panels.append(residuals_panel(known, trail, sample))
    panels.append(loss_by_count(known, trail, remarks))
    panels.append(loss_over_coefficients(known, trail, sample, remarks))
    if gradient_norm:
        panels.append(_curves("gradient norm", trail, [_number(row.gradient) for row in trail.rows]))
    if known.settings.batch_size is not None and known.settings.per == "epoch":
        message = "with batches, the loss at an epoch is the mean during it, and that at the end is of all rows"
        remarks.append(Remark("batches", message))
    if trail.returned is not None:
        message = f"the coefficients went back to those of epoch {outcome.result.epoch:,}, which are drawn as the fit"
        remarks.append(Remark("early-stop", message))
    if len(sample.target) < sample.rows:
        message = f"points and contours are of {len(sample.target):,} of {sample.rows:,} rows, evenly spaced"
        remarks.append(Remark("sample", message))
    return Figure(title, caption(outcome, trail), panels, remarks)


def points_panel(known: Known, trail: RowTrail, sample: Sample, over: Over | None) -> ScatterPanel:
    """The data with the fit, where all features are made of one column; else what the fit predicts."""
    if over is not None:
        return data_panel(known, trail, sample, over)
    if known.settings.loss == "logistic":
        return score_panel(known, trail, sample)
    return predicted_panel(known, trail, sample)


def caption(outcome: RegressionResult, trail: RowTrail) -> str:
    """The loss, the update rule and the number of updates in one line."""
    settings = outcome.settings
    lr = trail.rows[0].lr
    parts = [settings.loss, "standardized" if settings.standardize else "not standardized", settings.optimizer]
    parts += [f"lr {lr:.6g}"] if lr is not None else []
    if settings.batch_size is not None:
        parts.append(f"batches of {settings.batch_size:,}")
    parts += [f"{name} {getattr(settings, name):.6g}" for name in ("l2", "l1") if getattr(settings, name)]
    parts += options_in_words(settings)
    made = outcome.result.iteration
    after = "the coefficients after " if outcome.status == "early_stopped" else ""
    return ", ".join([*parts, f"{after}{made:,} update{'s' * (made != 1)}"])


def _curves(title: str, trail: RowTrail, numbers: Sequence[float]) -> CurvesPanel:
    counts = [trail.count_of(row) for row in trail.rows]
    return curves_panel(
        title, [Path(trail.label, counts, list(map(float, counts)), list(numbers), trail.counted)], trail.counted
    )


def loss_by_count(known: Known, trail: RowTrail, remarks: list[Remark]) -> CurvesPanel:
    """The loss by epoch, with the loss of the exact answer, and that of the rows kept apart for validation."""
    rows = trail.rows
    panel = _curves("loss", trail, [_number(row.loss) for row in rows])
    if len(rows) < trail.count:
        message = f"{len(rows):,} of {trail.count:,} states are drawn: the first ones, and others evenly spaced"
        remarks.append(Remark("thinned", message))
    lines = []
    if known.exact_loss is not None:
        lines.append(MapLine("exact answer", [panel.x.low, panel.x.high], [known.exact_loss] * 2))
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
