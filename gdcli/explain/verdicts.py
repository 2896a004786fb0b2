"""The verdict on one element of a gradient, from what autograd, differences and the formula say. No torch.

Two numbers agree when half of the dtype's digits do, or when they differ by less than rounding explains. Rounding is
worth a few eps of x and of the value: a shift of x changes the slope by the second derivative, and a value f that
changes on the length sqrt(f / f'') by itself over that length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gdcli.explain.differences import Slope, Slopes
from gdcli.results import CheckRow

_ROUNDINGS = 8
_RELIABLE = 1e-3  # relative error of a slope by differences, beyond which it confirms nothing
_SURE = 10  # errors of a gap between two slopes, beyond which it is a kink
_STEEP = 1e-3  # of |x|: the length on which the value changes by itself beside a pole

Verdict = Literal["agree", "kink", "disagree", "undefined", "unconfirmed"]
Doubt = Literal["", "autograd", "differences", "symbolic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known about one element of a gradient.

    ``autograd`` is the gradient under test, computed in ``dtype`` (None without a path), ``wide`` the same in float64.
    ``formula`` says whether there is one, and its value; ``cut`` that the expression holds ``detach``.
    """

    label: str
    dtype: str
    eps: float
    x: float
    value: float
    autograd: float | None
    wide: float
    slopes: Slopes
    formula: tuple[bool, float | None]
    cut: bool

    @property
    def gradient(self) -> float:
        """The gradient as a number: no path is a slope of zero."""
        return 0.0 if self.autograd is None else self.autograd

    @property
    def rounding(self) -> float:
        """The size of a slope that is rounding only, in units of eps."""
        bend = self.slopes.bend
        curvature = abs(bend.value) if bend is not None and bend.error < abs(bend.value) / 2 else 0.0
        value = abs(self.value) if math.isfinite(self.value) else 0.0
        return abs(self.x) * curvature + math.sqrt(value * curvature)

    def close(self, left: float, right: float, error: float = 0.0) -> bool:
        """Whether two slopes agree, of which one may be off by ``error``."""
        allowed = math.sqrt(self.eps) * max(abs(left), abs(right)) + _ROUNDINGS * self.eps * self.rounding
        return abs(left - right) <= allowed + error

    def reliable(self, slope: Slope | None) -> bool:
        """Whether a slope by differences is good enough to confirm another."""
        if slope is None:
            return False
        size = max(abs(slope.value), abs(self.gradient) if math.isfinite(self.gradient) else 0.0)
        return slope.error <= _RELIABLE * size + 1e-6 * self.rounding or slope.error < 1e-300

    @property
    def is_steep(self) -> bool:
        """Whether the value changes by itself on a short way, as beside a pole."""
        slope = max(abs(self.wide), abs(self.gradient))
        return math.isfinite(slope) and abs(self.value) < _STEEP * abs(self.x) * slope


class _Judgement(NamedTuple):
    verdict: Verdict
    doubt: Doubt = ""
    reason: str = ""


def row(evidence: Evidence) -> CheckRow:
    """The three numbers side by side, and what follows from them."""
    judgement = _judge(evidence)
    slopes, (_, symbolic) = evidence.slopes, evidence.formula
    kink = judgement.verdict == "kink" or slopes.center is None
    reference = symbolic if symbolic is not None else _value(slopes.center)
    error = None if judgement.verdict == "kink" else _relative_error(evidence.autograd, reference)
    return CheckRow(
        label=evidence.label,
        autograd=evidence.autograd,
        differences=_value(slopes.center),
        symbolic=symbolic,
        left=_value(slopes.left) if kink else None,
        right=_value(slopes.right) if kink else None,
        relative_error=error,
        agreeing_digits=None if error is None else _digits(error, evidence.eps),
        verdict=judgement.verdict,
        doubt=judgement.doubt,
        reason=judgement.reason,
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
        reason = f"the value jumps by {e.slopes.jump:.6g} here, so there is no slope; PyTorch takes {e.gradient:.6g}"
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
    if abs(gap.value) <= _SURE * gap.error + math.sqrt(e.eps) * size + _ROUNDINGS * e.eps * e.rounding:
        return None
    sides = f"the slope is {left.value:.6g} on the left and {right.value:.6g} on the right"
    low, high = sorted([left.value, right.value])
    margin = math.sqrt(e.eps) * size + left.error + right.error
    if math.isfinite(e.gradient) and not low - margin <= e.gradient <= high + margin:
        return _Judgement("disagree", "autograd", f"{sides}, and PyTorch's {e.gradient:.6g} is not between them")
    return _Judgement("kink", "", f"{sides}; PyTorch chose {e.gradient:.6g}")


def _not_finite(e: Evidence) -> _Judgement:
    """Autograd gives no number."""
    center = e.slopes.center
    if center is not None and e.reliable(center):
        reason = (
            f"autograd meets 0 * inf or inf - inf on its way, often in a branch that is not chosen; "
            f"the slope is {center.value:.6g}"
        )
        return _Judgement("disagree", "autograd", reason)
    return _Judgement("undefined", "", "the slope grows without bound here")


def _compared(e: Evidence) -> _Judgement:
    """Whether autograd agrees with differences and formula, where all are numbers or missing."""
    exists, symbolic = e.formula
    center = e.slopes.center if e.reliable(e.slopes.center) else None
    if center is None and symbolic is None:
        return _one_sided(e)
    by_differences = center is not None and e.close(e.gradient, center.value, 3 * center.error)
    by_formula = symbolic is not None and e.close(e.gradient, symbolic)
    if symbolic is None:
        if not by_differences:
            return _Judgement("disagree", "autograd", _why_autograd(e))
        why = "the formula is not defined at this very point" if exists else ""
        return _Judgement("agree", "symbolic" if exists else "", why)
    if by_formula:
        confirmed = by_differences or _agree(e, center, symbolic)
        return _Judgement("agree") if confirmed else _Judgement("agree", "differences", _why_differences(e))
    if by_differences:
        return _Judgement("disagree", "symbolic", "autograd and differences agree, and the formula says otherwise")
    return _Judgement("disagree", "autograd", _why_autograd(e))


def _agree(e: Evidence, center: Slope | None, symbolic: float) -> bool:
    return center is not None and e.close(center.value, symbolic, 3 * center.error)


def _one_sided(e: Evidence) -> _Judgement:
    """Neither both-sided differences nor a formula: at most one side is there."""
    for side, slope in (("left", e.slopes.left), ("right", e.slopes.right)):
        other = e.slopes.right if side == "left" else e.slopes.left
        if slope is not None and other is None and e.reliable(slope) and e.close(e.gradient, slope.value, slope.error):
            return _Judgement("agree", "", f"the function is defined on the {side} only")
    return _Judgement("unconfirmed", "differences", _why_differences(e))


def _why_autograd(e: Evidence) -> str:
    if e.cut:
        return "detach cuts a part of the gradient off, on purpose"
    if e.autograd is None:
        return "no differentiable path leads back to it, and the value depends on it all the same"
    if not e.close(e.gradient, e.wide):
        how = "a pole is near, or a place as steep" if e.is_steep else "terms cancel"
        return f"{how}, and {e.dtype} keeps too few digits: autograd in float64 gives {e.wide:.6g}"
    return "PyTorch's choices at kinks inside, or of a gradient of zero, do not add up to the slope of the whole"


def _why_differences(e: Evidence) -> str:
    if e.is_steep:
        return "a pole is near, or a place as steep: the steps are too wide for it"
    if e.slopes.center is None:
        return "the function has no values around this point"
    return "terms cancel: the value rises by less than its own rounding"
