"""What happened in a regression, measured against the exact answer, and what to change: findings with remedies.

    learning-rate-too-large  it diverged beyond the bound of plain descent: lr, bound (2 / L), largest (L)
    not-finite               it diverged for another reason, or why is not known: loss
    badly-scaled             the features as they are make the loss hopelessly flat: raw and standardized (condition
                             numbers), steps (that plain descent needs by theory)
    batch-noise              batches at a rate that stays: loss, exact, excess, lr
    slow                     it has not arrived: loss, exact, excess, digits and coefficient (of the worst one)
    rate                     it has: since (the iteration), digits
    work-limit               trial runs would have cost too much

A remedy was run, for as many epochs as the run had.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gdcli.contract.descent import CONVERGED, StopReason
from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.contract.regression import RegressionResult
from gdcli.contract.short import exactly, short
from gdcli.errors import GdcliError
from gdcli.rules.catalogue import RULES

if TYPE_CHECKING:
    from gdcli.regression.fit import Fit

WITHIN = 1e-6
"""Of the distance between the first loss and the exact one: so near, a run has arrived."""
_CLEARLY = 0.1  # of the excess of the run, which a remedy has at most
_MOST_WORK = 4e8  # elements of X that trial runs look at, all steps together
_MANY_STEPS = 1e5
_HOPELESS = 1e4  # times that the condition number of raw features is larger


class Trial(Struct, frozen=True):
    """A run with other settings: its loss at the end, and the iteration at which it arrived (None if it did not)."""

    changes: dict[str, Any]
    loss: float
    steps: int
    arrives: int | None

    @property
    def effect(self) -> str:
        """What it did."""
        if self.arrives is not None:
            return f"as good as the exact answer after {self.arrives:,} step{'s' * (self.arrives != 1)}"
        return f"loss {short(self.loss, 6)} after {self.steps:,} steps"


class Goal(Struct, frozen=True):
    """What a run should come to: the loss of the exact answer, from that of the start."""

    start: float
    exact: float

    def is_met(self, loss: float) -> bool:
        """Whether a loss is as good as the exact one."""
        return loss - self.exact <= WITHIN * abs(self.start - self.exact)


def findings_of(fit: Fit, record: RegressionResult) -> list[Finding]:
    """The findings about a run that has ended, the most important first.

    None for one that made no step, was interrupted, met what it was asked to meet, or minimizes something else.
    """
    has_ended_by_itself = record.status in ("interrupted", "early_stopped") or record.status in CONVERGED
    if has_ended_by_itself or fit.first is None or fit.total == 0 or fit.settings.weight_decay:
        return []
    exact = None if record.exact_quality is None else record.exact_quality.loss
    start = fit.first.state.loss
    goal = Goal(start, exact) if exact is not None and math.isfinite(start) else None
    trials = Trials(fit, goal)
    if fit.ending.reason in (StopReason.NON_FINITE, StopReason.GROWN):
        return [*_diverged(fit, record, trials), *trials.left_out()]
    if goal is None or record.quality.loss is None:
        return []
    if goal.is_met(record.quality.loss):
        return []
    return [*_short_of(fit, record, goal, trials), *trials.left_out()]


def _diverged(fit: Fit, record: RegressionResult, trials: Trials) -> Iterator[Finding]:
    """Why a run diverged."""
    settings, largest = fit.settings, fit.curvature
    if not fit.is_finite_at_start:
        dtypes = [{"dtype": "float32"}] if settings.dtype == "float16" else []
        dtypes += [{"dtype": "float64"}] if settings.dtype != "float64" else []
        message = "the loss or its gradient is not finite at the start"
        yield Finding("not-finite", message, trials.best(dtypes), {"loss": record.result.loss})
        return
    changes: list[dict[str, Any]] = [{"lr": "auto"}] if settings.lr != "auto" and settings.loss != "mae" else []
    if not settings.standardize:
        changes = [{"standardize": True, **({"lr": "auto"} if settings.loss != "mae" else {})}, *changes]
    remedy = trials.best(changes)
    is_plain = RULES[settings.optimizer].linear is not None and not settings.momentum
    if largest and is_plain and settings.batch_size is None and fit.rate > 2 / largest:
        bound = 2 / largest
        message = f"the learning rate {short(fit.rate, 4)} is above the bound of plain descent for these columns, "
        message += f"2 / {short(largest, 4)} = {short(bound, 4)}"
        evidence = {"lr": fit.rate, "bound": bound, "largest": largest}
        yield Finding("learning-rate-too-large", message, remedy, evidence)
    else:
        yield Finding("not-finite", "the coefficients grew without bound", remedy, {"loss": record.result.loss})
    yield from _scales(record)


def _short_of(fit: Fit, record: RegressionResult, goal: Goal, trials: Trials) -> Iterator[Finding]:
    """What keeps a run from the exact answer."""
    settings, loss = fit.settings, record.quality.loss or 0.0
    excess = loss - goal.exact
    above = f"the loss {short(loss, 6)} is {short(excess, 2)} above that of the exact answer"
    worst = min((c for c in record.coefficients if c.digits is not None), key=lambda c: c.digits or 0.0, default=None)
    evidence: dict[str, Any] = {"loss": loss, "exact": goal.exact, "excess": excess}
    if settings.batch_size is not None and settings.schedule == "none" and not settings.lr_factor:
        falling = {"schedule": "cosine", "sched": {"T_max": max(1, record.result.epoch)}}
        remedy = trials.best([falling, {"lr": fit.rate / 10}])
        if remedy is not None:  # what a smaller rate mends is the noise of batches
            message = f"{above}: each batch has another minimum, and a learning rate that stays keeps the coefficients "
            message += "moving between them"
            yield Finding("batch-noise", message, remedy, {**evidence, "lr": fit.rate})
            return
    yield from _scales(record)
    made = record.result.iteration
    message = f"after {made:,} step{'s' * (made != 1)} {above}"
    if worst is not None and worst.digits is not None:
        message += f", and the coefficient of '{worst.name}' agrees with it in {_digits(worst.digits)}"
        evidence |= {"coefficient": worst.name, "digits": worst.digits}
    yield Finding("slow", message, trials.best(_faster(fit)), evidence)


def _digits(count: float) -> str:
    """A number of digits in words: ``2.3 digits``, and less than a tenth of one is none."""
    return f"{short(count, 2)} digits" if count >= 0.1 else "no digit"


def _faster(fit: Fit) -> list[dict[str, Any]]:
    """Changes that may bring a run on all rows to the exact answer."""
    settings = fit.settings
    found: list[dict[str, Any]] = []
    has_rate = settings.loss != "mae"
    if not settings.standardize:
        found.append({"standardize": True, **({"lr": "auto"} if has_rate else {})})
    if has_rate and settings.lr != "auto" and fit.curvature and fit.rate < 0.5 / fit.curvature:
        found.append({"lr": "auto"})
    if settings.batch_size is not None:
        return found
    if not settings.l1 and not settings.clip_norm and not settings.clip_value and settings.optimizer != "lbfgs":
        found.append({"optimizer": "lbfgs", "lr": 1.0})
        if settings.dtype == "float32":
            found.append({"optimizer": "lbfgs", "lr": 1.0, "dtype": "float64"})
    return found


def _scales(record: RegressionResult) -> Iterator[Finding]:
    """Features whose scales are so far apart that no number of steps is enough."""
    found = record.conditioning
    if found is None or record.settings.standardize or found.raw is None or found.standardized is None:
        return
    if found.raw < _HOPELESS * found.standardized:
        return
    message = f"the features as they are give the loss the condition number {short(found.raw, 3)}; standardized, it "
    message += f"would be {short(found.standardized, 3)}"
    steps = found.steps_by_theory
    if steps is not None and steps > _MANY_STEPS:
        message += f". Plain descent needs about {short(steps, 2)} steps for a relative accuracy of {found.accuracy:g}"
    evidence = {"raw": found.raw, "standardized": found.standardized, "steps": steps}
    yield Finding("badly-scaled", message, None, evidence)


class Trials:
    """Runs with other settings, as long as they cost no more than they may."""

    def __init__(self, fit: Fit, goal: Goal | None) -> None:
        self.fit, self.goal = fit, goal
        size = fit.design.sample.rows * (fit.design.width + 1)
        self.cost = size * max(1, fit.final.epoch if fit.settings.batch_size else fit.final.state.iteration)
        self.spent = 0.0
        self.skipped = False

    def best(self, several: list[dict[str, Any]]) -> Remedy | None:
        """The first of several changes with which a run arrives, else that with a clearly smaller loss than the run."""
        tried: list[Trial] = []
        for changes in several:
            if (trial := self.run(changes)) is None:
                continue
            if trial.arrives is not None:
                return self._remedy(trial)
            tried.append(trial)
        better = [trial for trial in tried if self._is_better(trial)]
        return self._remedy(min(better, key=lambda trial: trial.loss)) if better else None

    def run(self, changes: dict[str, Any]) -> Trial | None:
        """The run with these changes; None where it would cost too much, or cannot be made."""
        if self.spent + self.cost > _MOST_WORK or not self.fit.table.is_whole:
            self.skipped = True
            return None
        self.spent += self.cost
        try:
            fit = self.fit.again(**_complete(changes))
        except GdcliError:  # the other settings do not go with it
            return None
        arrives = None
        for seen in fit.states():
            is_exact = fit.settings.batch_size is None or seen.is_end
            if arrives is None and is_exact and self.goal is not None and self.goal.is_met(seen.state.loss):
                arrives = seen.state.iteration
                break
        return Trial(changes, seen.state.loss, seen.state.iteration, arrives)

    def left_out(self) -> Iterator[Finding]:
        """That not every remedy was tried."""
        if self.skipped:
            message = "not every remedy was tried, because runs on these rows cost too much"
            yield Finding("work-limit", message, None, {"rows": self.fit.design.sample.rows})

    def _is_better(self, trial: Trial) -> bool:
        if not math.isfinite(trial.loss):
            return False
        own = self.fit.final.state.loss
        if self.goal is None or not math.isfinite(own):
            return not math.isfinite(own) or trial.loss < own
        return trial.loss - self.goal.exact < _CLEARLY * (own - self.goal.exact)

    def _remedy(self, trial: Trial) -> Remedy:
        return Remedy(trial.changes, _options(trial.changes), trial.effect, trial.loss, trial.arrives)


def _complete(changes: dict[str, Any]) -> dict[str, Any]:
    """The changes, and what has to go with another rule: no parameters of the old one."""
    if "optimizer" not in changes:
        return changes
    own = dict.fromkeys(("momentum", "dampening", "weight_decay", "nesterov"))
    return {**own, "opt": {}, **changes}


def _options(changes: dict[str, Any]) -> str:
    """Changes as options of the command line."""
    words = []
    for name, value in changes.items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif isinstance(value, dict):
            words += [f"{flag} {key}={exactly(each)}" for key, each in value.items()]
        else:
            words.append(f"{flag} {value if isinstance(value, str) else exactly(value)}")
    return " ".join(words)
