"""The verdict on one element of a gradient, from what autograd, differences and the formula say. No torch.

Two numbers agree when half of the dtype's digits do, or when they differ by less than rounding explains. Rounding is
worth a few eps of the terms that a gradient adds up from; and where slopes are flatter than those around, a few eps of
x and of the value: a shift of x changes the slope by the second derivative f'', and a value f that changes on the
length sqrt(f / f'') changes it by itself over that length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gdcli.contract.grad import CheckRow
from gdcli.explain.differences import Slope, Slopes

_ROUNDINGS = 8
_RELIABLE = 1e-3  # relative error of a slope by differences, beyond which it confirms nothing
_NEGLIGIBLE = 1e-6  # of the slopes around: an error that does not matter
_AT_REST = 0.05  # of the slopes around: how much one-sided slopes still move at a cusp
_SURE = 10  # errors of a gap between two slopes, beyond which it is a kink
_BESIDE = 0.01  # of what autograd is off by: a slope that near to another is the same
_ON_A_BORDER = "the formula has no value at this point, a branch boundary or a division of 0 by 0"
_CANCELLING = 10  # times the sum: the size of terms that cancel
_STEEP = 1e-3  # of |x|: the length on which the value changes by itself beside a pole

Verdict = Literal["agree", "kink", "disagree", "undefined", "unconfirmed"]
Doubt = Literal["", "autograd", "differences", "symbolic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known about one element of a gradient.

    ``eps`` and ``largest`` are the precision and the range of ``dtype``. ``autograd`` is the gradient under test,
    computed in it (None without a path), ``wide`` the same in float64, and ``terms`` the size of what it adds up from.
    ``formula`` is the value of the formula: None without one, nan where it says nothing. ``cut`` says that the
    expression holds ``detach``, and ``nearby`` gives autograd's slopes in float64 a little beside x.
    """

    label: str
    dtype: str
    eps: float
    largest: float
    x: float
    value: float
    autograd: float | None
    wide: float
    terms: float
    slopes: Slopes
    formula: float | None
    cut: bool
    nearby: Callable[[], Sequence[float]]

    @property
    def symbolic(self) -> float | None:
        """The value of the formula, where it has one."""
        return None if self.formula is None or math.isnan(self.formula) else self.formula

    @property
    def gradient(self) -> float:
        """The gradient as a number: no path is a slope of zero."""
        return 0.0 if self.autograd is None else self.autograd

    @property
    def shifting(self) -> float:
        """How much a slope changes when x, or the value, is off by its own size: in units of eps, that is rounding."""
        bend = self.slopes.bend
        curvature = abs(bend.value) if bend is not None and bend.error < abs(bend.value) / 2 else 0.0
        value = abs(self.value) if math.isfinite(self.value) else 0.0
        return abs(self.x) * curvature + math.sqrt(value * curvature)

    def close(self, left: float, right: float, error: float = 0.0) -> bool:
        """Whether two slopes agree, of which one may be off by ``error``."""
        size = max(abs(left), abs(right))
        rounding = self.terms if math.isfinite(self.terms) else 0.0
        if size <= self.slopes.scale:  # near an extremum; near a pole the same would excuse everything
            rounding += self.shifting
        return abs(left - right) <= math.sqrt(self.eps) * size + _ROUNDINGS * self.eps * rounding + error

    def reliable(self, slope: Slope | None) -> bool:
        """Whether a slope by differences is good enough to confirm another."""
        if slope is None:
            return False
        size = max(abs(slope.value), abs(self.gradient) if math.isfinite(self.gradient) else 0.0)
        small = _NEGLIGIBLE * self.slopes.scale
        return slope.value == self.gradient or slope.error <= _RELIABLE * size + small

    @property
    def center(self) -> Slope | None:
        """The slope of both sides, where it can confirm another and its sides come to rest; at a cusp they do not."""
        slope, gap = self.slopes.center, self.slopes.closing
        if slope is None or not self.reliable(slope):
            return None
        rests = gap is not None and gap.error <= _AT_REST * max(self.slopes.scale, abs(slope.value))
        return slope if rests or slope.value == self.gradient else None

    @property
    def is_steep(self) -> bool:
        """Whether value and slope change by themselves on a short way, as beside a pole."""
        bend = self.slopes.bend
        if bend is None:
            return True
        short, slope = _STEEP * abs(self.x), abs(self.wide)
        return abs(self.value) < short * slope and slope < short * abs(bend.value)


class _Judgement(NamedTuple):
    verdict: Verdict
    doubt: Doubt = ""
    reason: str = ""


def row(evidence: Evidence) -> CheckRow:
    """The three numbers side by side, and what follows from them."""
    judgement = _judge(evidence)
    slopes, symbolic = evidence.slopes, evidence.symbolic
    kink = judgement.verdict == "kink" or slopes.center is None
    reference = symbolic if symbolic is not None else _value(slopes.center)
    compared = judgement.verdict not in ("kink", "undefined")
    error = _relative_error(evidence.autograd, reference) if compared else None
    zero = judgement.verdict == "agree" and error is not None and error > math.sqrt(evidence.eps)
    return CheckRow(
        label=evidence.label,
        autograd=evidence.autograd,
        differences=None if judgement.verdict == "undefined" else _value(slopes.center),
        symbolic=symbolic,
        left=_value(slopes.left) if kink else None,
        right=_value(slopes.right) if kink else None,
        relative_error=error,
        agreeing_digits=None if error is None or zero else _digits(error, evidence.eps),
        verdict=judgement.verdict,
        doubt=judgement.doubt,
        reason=judgement.reason or (f"zero within {evidence.dtype} rounding" if zero else ""),
    )


def _value(slope: Slope | None) -> float | None:
    return None if slope is None else slope.value


def _relative_error(value: float | None, reference: float | None) -> float | None:
    if value is None or reference is None or not math.isfinite(value):
        return None
    largest = max(abs(value), abs(reference))
    return abs(value - reference) / largest if largest else 0.0


def _digits(error: float, eps: float) -> int:
    """Decimal digits that agree; never more than the dtype has."""
    most = round(-math.log10(eps))
    return most if error == 0 else max(0, min(most, math.floor(-math.log10(error))))


def _judge(e: Evidence) -> _Judgement:
    if not math.isfinite(e.value):
        return _Judgement("undefined", "", f"the value is {e.value} here")
    if e.slopes.jump:
        reason = f"the value jumps by {e.slopes.jump:.6g} here, so there is no slope; PyTorch returns {e.gradient:.6g}"
        return _Judgement("undefined", "", reason)
    kink = _kink(e)
    if kink is not None:
        return kink
    if not math.isfinite(e.gradient):
        return _not_finite(e)
    return _compared(e)


def _kink(e: Evidence) -> _Judgement | None:
    """The judgement at a point where the two sides have different slopes; None elsewhere."""
    left, right, gap = e.slopes.left, e.slopes.right, e.slopes.gap
    if left is None or right is None or gap is None:
        return None
    size = max(abs(left.value), abs(right.value))
    if abs(gap.value) <= _SURE * gap.error + math.sqrt(e.eps) * max(size, e.slopes.scale):
        return None
    sides = f"the slope is {left.value:.6g} on the left and {right.value:.6g} on the right"
    low, high = sorted([left.value, right.value])
    margin = math.sqrt(e.eps) * size + left.error + right.error
    if math.isfinite(e.gradient) and not low - margin <= e.gradient <= high + margin:
        return _Judgement("disagree", "autograd", f"{sides}, and PyTorch's {e.gradient:.6g} is not between them")
    return _Judgement("kink", "", f"{sides}; PyTorch chose {e.gradient:.6g}")


def _not_finite(e: Evidence) -> _Judgement:
    """Autograd gives no number."""
    slope = e.symbolic
    if slope is None and e.center is not None:
        slope = e.center.value
    if slope is None:
        return _Judgement("undefined", "", "no finite slope was found here")
    if abs(slope) > e.largest:
        return _Judgement("disagree", "autograd", f"the slope is {slope:.6g}, which exceeds the range of {e.dtype}")
    reason = "autograd computes 0 * inf or inf - inf along the way, often in a branch that is not selected"
    return _Judgement("disagree", "autograd", f"{reason}; the slope is {slope:.6g}")


def _compared(e: Evidence) -> _Judgement:
    """Whether autograd agrees with differences and formula, where all are numbers or missing."""
    symbolic = e.symbolic
    center = e.center
    by_differences = center is not None and e.close(e.gradient, center.value, 3 * center.error)
    if symbolic is None:
        if center is None:
            return _one_sided(e)
        if not by_differences:
            return _Judgement("disagree", "autograd", _why_autograd(e, center.value))
        return _Judgement("agree") if e.formula is None else _Judgement("agree", "symbolic", _ON_A_BORDER)
    confirmed = center is not None and e.close(center.value, symbolic, 3 * center.error)
    if e.close(e.gradient, symbolic):
        return _Judgement("agree") if confirmed else _Judgement("agree", "differences", _why_differences(e))
    if by_differences and not confirmed:
        return _Judgement("disagree", "symbolic", "autograd and finite differences agree, but the formula does not")
    return _Judgement("disagree", "autograd", _why_autograd(e, symbolic))


def _one_sided(e: Evidence) -> _Judgement:
    """Neither both-sided differences nor a formula: at most one side is there."""
    for side, slope in (("left", e.slopes.left), ("right", e.slopes.right)):
        other = e.slopes.right if side == "left" else e.slopes.left
        if slope is not None and other is None and e.reliable(slope) and e.close(e.gradient, slope.value, slope.error):
            return _Judgement("agree", "", f"the function is defined only on the {side}")
    return _Judgement("unconfirmed", "differences", _why_differences(e))


def _why_autograd(e: Evidence, slope: float) -> str:
    """What is wrong with autograd, where the slope is known to be another."""
    if e.cut:
        return "detach blocks part of the gradient, on purpose"
    how = "the function is steep here, as near a pole" if e.is_steep else "terms cancel"
    if not e.close(e.gradient, e.wide):
        return f"{how}, and {e.dtype} has too few digits: autograd in float64 gives {e.wide:.6g}"
    if all(abs(beside - slope) <= _BESIDE * abs(e.gradient - slope) for beside in e.nearby()):
        return f"PyTorch's choice at a kink inside: next to this point autograd also gives {slope:.6g}"
    if e.is_steep or e.terms > _CANCELLING * abs(slope):
        return f"{how}, and {e.dtype} has too few digits"
    return f"PyTorch computes this derivative less accurately than {e.dtype} allows"


def _why_differences(e: Evidence) -> str:
    if e.is_steep:
        return "the function is steep here, as near a pole: the difference steps are too large"
    return "terms cancel: the value changes by less than its rounding error"
