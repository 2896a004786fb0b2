"""The verdict on one element of a gradient, from what autograd, differences and the formula say. No torch.

Two numbers agree when half of the dtype's digits do, or when they differ by less than rounding explains. Rounding is
worth a few eps of the terms that a gradient adds up from; and where slopes are flatter than those around, a few eps of
x and of the value: a shift of x changes the slope by the second derivative f'', and a value f that changes on the
length sqrt(f / f'') changes it by itself over that length.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gdcli.contract.grad import CheckRow
from gdcli.explain.differences import Sides, Slope, Slopes

_ROUNDINGS = 8
_RELIABLE = 1e-3  # relative error of a slope by differences, beyond which it confirms nothing
_NEGLIGIBLE = 1e-6  # of the slopes around: an error that does not matter
_AT_REST = 0.05  # of the slopes around: how much one-sided slopes still move at a cusp
_SURE = 10  # errors of a gap between two slopes, beyond which it is a kink
_BESIDE = 0.01  # of what autograd is off by: a slope that near to another is the same
_ON_A_BORDER = "the formula has no value at this point, a branch boundary or a division of 0 by 0"
_CANCELLING = 10  # times the sum: the size of terms that cancel
_ZERO = 1e-12  # a slope, or its error, that is 0
_CONFIRMED = 1e-6  # relative difference of a formula from many digits
_SAME_SIDES = 1e-3  # relative difference of the slopes of both sides, where there is no kink
_NEAREST = 64  # roundings of x within which a kink counts as met
_STEEP = 1e-3  # of |x|: the length on which the value changes by itself beside a pole

Verdict = Literal["agree", "kink", "disagree", "undefined", "unconfirmed"]
Doubt = Literal["", "autograd", "differences", "symbolic"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known about one element of a gradient.

    ``eps`` and ``largest`` are the precision and the range of ``dtype``. ``value`` is that of the run where it is not
    finite, else that in float64. ``autograd`` is the gradient under test, computed in the dtype (None without a path),
    ``wide`` the same in float64, and ``terms`` the size of what it adds up from. ``formula`` is the value of the
    formula: None without one, nan where it says nothing. ``cut`` says that the expression holds ``detach``, and
    ``nearby`` gives autograd's slopes in float64 a little beside x.

    ``blurred`` says that float64 has lost the value too. ``lost`` is empty where the value is right, and otherwise
    says where it is lost. ``beyond`` names a part that the dtype cannot hold, and ``advice`` a form that keeps value
    and gradient; both may be empty. ``exact`` gives the slopes of both sides in many digits, over a step of the given
    length, 0 for one that is far below every float. All four are asked only where they are needed.
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
    blurred: bool
    lost: Callable[[], str]
    beyond: Callable[[], str]
    advice: Callable[[], str]
    exact: Callable[[float], Sides]

    @functools.cached_property
    def sides(self) -> Sides:
        """The slopes of both sides in many digits."""
        return self.exact(0.0)

    @functools.cached_property
    def symbolic(self) -> float | None:
        """The value of the formula, where it has one that differences confirm, in float64 or in many digits."""
        value = self.formula
        if value is None or not math.isfinite(value):
            return None
        by_floats = None if self.is_smooth_in_digits else self.center
        if by_floats is not None and self.close(by_floats.value, value, 3 * by_floats.error):
            return value
        slope = self.sides.slope
        return value if slope is not None and math.isclose(slope, value, rel_tol=_CONFIRMED, abs_tol=_ZERO) else None

    @functools.cached_property
    def is_smooth_in_digits(self) -> bool:
        """Whether differences in float64 see a kink that is none: many digits have the same slope on both sides."""
        if self.gap is None:
            return False
        sides = self.exact(_NEAREST * self.eps * abs(self.x))
        if sides.left is None or sides.right is None:
            return False
        return math.isclose(sides.left, sides.right, rel_tol=_SAME_SIDES, abs_tol=_ZERO)

    @property
    def gap(self) -> float | None:
        """How far the slopes of both sides are apart by differences in float64; None where they are the same."""
        left, right, gap = self.slopes.left, self.slopes.right, self.slopes.gap
        if left is None or right is None or gap is None or self.blurred:
            return None
        size = max(abs(left.value), abs(right.value), self.slopes.scale)
        return None if abs(gap.value) <= _SURE * gap.error + math.sqrt(self.eps) * size else gap.value

    @functools.cached_property
    def smooth(self) -> Slope | None:
        """The slope of both sides: by differences in float64, or where they see a kink that is none in many digits."""
        if not self.is_smooth_in_digits:
            return self.center
        slope = self.sides.slope
        return None if slope is None else Slope(slope, 0.0)

    @functools.cached_property
    def slope(self) -> float | None:
        """The slope that autograd should give: by formula, by differences in float64, or in many digits."""
        if self.symbolic is not None:
            return self.symbolic
        if self.smooth is not None:
            return self.smooth.value
        slope = self.sides.slope
        return slope if slope is not None and math.isfinite(slope) else None

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
        if slope.value == 0 and slope.error <= _ZERO:
            return True
        return slope.value == self.gradient or slope.error <= _RELIABLE * size + small

    @property
    def center(self) -> Slope | None:
        """The slope of both sides, where it can confirm another and its sides come to rest; at a cusp they do not."""
        slope, gap = self.slopes.center, self.slopes.closing
        if slope is None or self.blurred or not self.reliable(slope):
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
    sided = slopes.center is None or (evidence.gap is not None and not evidence.is_smooth_in_digits)
    differences = None if judgement.verdict == "undefined" else _differences(evidence)
    reference = symbolic if symbolic is not None else differences
    compared = judgement.verdict not in ("kink", "undefined")
    error = _relative_error(evidence.autograd, reference) if compared else None
    zero = judgement.verdict == "agree" and error is not None and error > math.sqrt(evidence.eps)
    return CheckRow(
        label=evidence.label,
        autograd=evidence.autograd,
        differences=differences,
        symbolic=symbolic,
        left=_value(slopes.left) if sided else None,
        right=_value(slopes.right) if sided else None,
        relative_error=error,
        agreeing_digits=None if error is None or zero else _digits(error, evidence.eps),
        verdict=judgement.verdict,
        doubt=judgement.doubt,
        reason=judgement.reason or (f"zero within {evidence.dtype} rounding" if zero else ""),
    )


def _differences(e: Evidence) -> float | None:
    """The slope of both sides by differences: in float64, or in many digits where float64 has none."""
    if e.is_smooth_in_digits:
        return e.sides.slope
    if e.slopes.center is not None and not e.blurred and (e.center is not None or e.symbolic is not None):
        return e.slopes.center.value
    both = e.sides.left is not None and e.sides.right is not None
    slope = e.sides.slope if both else None
    return slope if slope is not None and math.isfinite(slope) else _value(None if e.blurred else e.slopes.center)


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
        return _lost(e)
    if e.slopes.jump and not e.blurred:
        reason = f"the value jumps by {e.slopes.jump:.6g} here, so there is no slope; PyTorch returns {e.gradient:.6g}"
        return _Judgement("undefined", "", reason)
    kink = _kink(e)
    if kink is not None:
        return kink
    if not math.isfinite(e.gradient):
        return _not_finite(e)
    return _compared(e)


def _lost(e: Evidence) -> _Judgement:
    """The judgement where the value is not finite: it is not defined, or the dtype has lost it."""
    where, slope = e.lost(), e.slope
    if not where:
        return _Judgement("undefined", "", f"the value is {e.value} here")
    if slope is None:
        return _Judgement("undefined", "", where)
    reason = f"{where}; the slope is {slope:.6g}"
    if abs(slope) > e.largest:
        return _Judgement("disagree", "autograd", f"{reason}, which exceeds the range of {e.dtype}")
    if math.isfinite(e.gradient) and e.close(e.gradient, slope):
        return _Judgement("agree", "", where)
    return _Judgement("disagree", "autograd", reason)


def _kink(e: Evidence) -> _Judgement | None:
    """The judgement at a point where the two sides have different slopes; None elsewhere."""
    left, right = e.slopes.left, e.slopes.right
    if left is None or right is None or e.gap is None or e.is_smooth_in_digits:
        return None
    sides = f"the slope is {left.value:.6g} on the left and {right.value:.6g} on the right"
    low, high = sorted([left.value, right.value])
    margin = math.sqrt(e.eps) * max(abs(low), abs(high)) + left.error + right.error
    if low - margin <= e.gradient <= high + margin:
        return _Judgement("kink", "", f"{sides}; PyTorch chose {e.gradient:.6g}")
    return _Judgement("disagree", "autograd", f"{sides}, and PyTorch's {e.gradient:.6g} is not between them")


def _not_finite(e: Evidence) -> _Judgement:
    """Autograd gives no number."""
    slope = e.slope
    if slope is None:
        return _Judgement("undefined", "", _without_slope(e.sides))
    if abs(slope) > e.largest:
        return _Judgement("disagree", "autograd", f"the slope is {slope:.6g}, which exceeds the range of {e.dtype}")
    reason = "autograd computes 0 * inf or inf - inf along the way, often in a branch that is not selected"
    if math.isinf(e.gradient):
        reason = "autograd divides by 0 along the way, or its numbers overflow"
    return _Judgement(
        "disagree", "autograd", f"{e.lost() or e.beyond() or reason}; the slope is {slope:.6g}{_advice(e)}"
    )


def _without_slope(sides: Sides) -> str:
    """What is at a point that has no finite slope."""
    found = [side for side in (sides.left, sides.right) if side is not None]
    if not found or not all(map(math.isinf, found)):
        return "no finite slope was found here"
    if len(set(found)) > 1:
        return f"a cusp: the slope goes to {sides.left} on the left and to {sides.right} on the right"
    return "the slope is infinite here"


def _compared(e: Evidence) -> _Judgement:
    """Whether autograd agrees with differences and formula, where all are numbers or missing."""
    symbolic, center = e.symbolic, e.smooth
    by_differences = center is not None and e.close(e.gradient, center.value, 3 * center.error)
    if symbolic is None:
        if center is None:
            return _without_both_sides(e)
        if not by_differences:
            return _Judgement("disagree", "autograd", _why_autograd(e, center.value))
        return _Judgement("agree") if e.formula is None else _Judgement("agree", "symbolic", _why_symbolic(e.formula))
    confirmed = center is not None and e.close(center.value, symbolic, 3 * center.error)
    if e.close(e.gradient, symbolic):
        return _Judgement("agree") if confirmed else _Judgement("agree", "differences", _why_differences(e))
    if by_differences and not confirmed and not e.lost():
        return _Judgement("disagree", "symbolic", "autograd and finite differences agree, but the formula does not")
    return _Judgement("disagree", "autograd", _why_autograd(e, symbolic))


def _without_both_sides(e: Evidence) -> _Judgement:
    """Neither a formula nor differences of both sides in float64: one side is there, or many digits, or nothing."""
    for side, slope in (("left", e.slopes.left), ("right", e.slopes.right)):
        other = e.slopes.right if side == "left" else e.slopes.left
        if slope is not None and other is None and e.reliable(slope) and e.close(e.gradient, slope.value, slope.error):
            return _Judgement("agree", "", f"the function is defined only on the {side}")
    slope_in_digits = e.sides.slope
    if slope_in_digits is None:
        return _Judgement("unconfirmed", "differences", _why_differences(e))
    if math.isinf(slope_in_digits):
        return _Judgement("undefined", "", f"{_without_slope(e.sides)}; PyTorch returns {e.gradient:.6g}")
    if e.close(e.gradient, slope_in_digits):
        return _Judgement("agree")
    return _Judgement("disagree", "autograd", _why_autograd(e, slope_in_digits))


def _why_autograd(e: Evidence, slope: float) -> str:
    """What is wrong with autograd, where the slope is known to be another."""
    if e.cut:
        return "detach blocks part of the gradient, on purpose"
    how = "the function is steep here, as near a pole" if e.is_steep else "terms cancel"
    if not e.close(e.gradient, e.wide):
        return f"{how}, and {e.dtype} has too few digits: autograd in float64 gives {e.wide:.6g}{_advice(e)}"
    if all(abs(beside - slope) <= _BESIDE * abs(e.gradient - slope) for beside in e.nearby()):
        return f"PyTorch's choice at a kink inside: next to this point autograd also gives {slope:.6g}"
    if e.is_steep or e.terms > _CANCELLING * abs(slope):
        return f"{how}, and {e.dtype} has too few digits{_advice(e)}"
    return f"PyTorch computes this derivative less accurately than {e.dtype} allows"


def _advice(e: Evidence) -> str:
    text = e.advice()
    return f"; {text}" if text else ""


def _why_symbolic(formula: float) -> str:
    return _ON_A_BORDER if math.isnan(formula) else f"the formula gives {formula:.6g} here, which is not the slope"


def _why_differences(e: Evidence) -> str:
    if e.is_steep:
        return "the function is steep here, as near a pole: the difference steps are too large"
    return "terms cancel: the value changes by less than its rounding error"
