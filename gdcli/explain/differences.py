"""The slope of a function of one number by differences, with an honest error: plain Python floats, no torch.

Steps go from large to small by factors of four; each pair of neighbours is extrapolated to a step of zero (Richardson
1911). Large steps err by the function's own curvature, small ones by its rounding, and the best step lies in between:
it is where the extrapolated slopes of neighbouring steps agree best.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_FACTOR = 4
_LARGEST = 2.0**-3  # of max(1, |x|)
_SMALLEST = 2.0**-43  # of max(1, |x|); only beside a pole does a step below 2**-33 help
_NEAR_ZERO = 2.0**-20  # of an |x| that is itself small
_MOST = 64
_SPIKE = 10  # times the values at both ends of a step: it has left the neighbourhood of x
_ROUNDINGS = 4  # of the value, in a difference
_JUMP_LEVELS = 4
_WIDE = 4  # levels whose steps are wide
SETTLED = 1e-6  # relative difference up to which two slopes are the same
_EPS = sys.float_info.epsilon
_RESOLUTION = 1e4 * _EPS  # of the largest value around: a change up to which may be rounding


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope, and how far off it may be."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Slopes:
    """What differences say about a function at a point; None where no step has a finite value.

    ``gap`` is ``right`` less ``left``, taken from the same steps: not zero at a kink. ``closing`` is the same with
    steps of any size: at a cusp it comes to no rest. ``bend`` is the second derivative. ``jump`` is how much the value
    jumps at the point, 0 for a continuous function. ``scale`` is the steepest slope over a wide step: an error that is
    small beside it is small.
    """

    center: Slope | None
    left: Slope | None
    right: Slope | None
    gap: Slope | None
    closing: Slope | None
    bend: Slope | None
    jump: float
    scale: float


@dataclass(frozen=True, slots=True)
class Sides:
    """The slopes to the left and to the right: infinite where they grow without bound, None where there is none."""

    left: float | None
    right: float | None

    @property
    def slope(self) -> float | None:
        """The slope where both sides have the same, or only one side is defined; None elsewhere."""
        if self.left is None or self.right is None:
            return self.right if self.left is None else self.left
        same = self.left == self.right or math.isclose(self.left, self.right, rel_tol=SETTLED)
        return self.right if same else None


@dataclass(frozen=True, slots=True)
class _Level:
    """The values at a step to both sides: the steps as they are after rounding, and the rises."""

    step: float
    before: float
    after: float
    fall: float
    rise: float
    size: float
    ends: float

    @property
    def center(self) -> float:
        return (self.rise + self.fall) / (self.before + self.after)

    @property
    def left(self) -> float:
        return self.fall / self.before

    @property
    def right(self) -> float:
        return self.rise / self.after

    @property
    def steepest(self) -> float:
        return max(abs(self.left), abs(self.right))

    @property
    def is_near(self) -> bool:
        """Whether the ends are like the middle; across a pole they are not."""
        return not self.size > _SPIKE * self.ends


def slopes(function: Callable[[float], float], x: float, *, nearest: float = 0.0) -> Slopes:
    """The slopes of ``function`` at ``x``: of both sides together, and of each side.

    One-sided slopes use no step below ``nearest``: what happens nearer to x counts as happening at x.
    """
    if not math.isfinite(x):
        return Slopes(None, None, None, None, None, None, 0.0, 0.0)
    value = function(x)
    tried = [_level(function, x, value, step) for step in _steps(x)]
    levels = [level for level in tried if level.is_near]
    far = [level for level in levels if level.step >= nearest]
    return Slopes(
        center=_best(levels, [level.center for level in levels], order=2),
        left=_best(far, [level.left for level in far], order=1),
        right=_best(far, [level.right for level in far], order=1),
        gap=_best(far, [level.right - level.left for level in far], order=1),
        closing=_best(levels, [level.right - level.left for level in levels], order=1),
        bend=_best(levels, [(level.right - level.left) / level.step for level in levels], order=2, power=2),
        jump=_jump(levels),
        scale=max((size for level in tried[:_WIDE] if math.isfinite(size := level.steepest)), default=0.0),
    )


def _steps(x: float) -> Iterator[float]:
    """Powers of two, so that x + step is rounded little."""
    step = 2.0 ** math.floor(math.log2(_LARGEST * max(1.0, abs(x))))
    smallest = _SMALLEST * max(1.0, abs(x))
    if x:
        smallest = min(smallest, _NEAR_ZERO * abs(x))
    for _ in range(_MOST):
        if step < smallest:
            return
        yield step
        step /= _FACTOR


def _level(function: Callable[[float], float], x: float, value: float, step: float) -> _Level:
    low, high = x - step, x + step
    left, right = function(low), function(high)
    ends = max((abs(end) for end in (left, right) if math.isfinite(end)), default=0.0)
    return _Level(step, x - low, high - x, value - left, right - value, max(abs(value), ends), ends)


def _best(levels: Sequence[_Level], quotients: Sequence[float], *, order: int, power: int = 1) -> Slope | None:
    """The extrapolated quotient with the smallest error.

    ``order`` is the power of the step that extrapolation removes, ``power`` that by which rounding is divided.
    """
    weight = 1 / (_FACTOR**order - 1)
    quantum = _quantum(levels)
    finer = [b + (b - a) * weight for a, b in itertools.pairwise(quotients)]
    best: Slope | None = None
    for i in range(1, len(finer)):
        # Two neighbours: one alone may agree by chance, in noise.
        gaps = [abs(finer[i] - finer[i - 1]), abs(finer[i + 1] - finer[i]) if i + 1 < len(finer) else 0.0]
        level = levels[i + 1]
        # A value that does not change at all may have changed by less than its resolution.
        unseen = 0.0 if level.rise or level.fall else quantum
        error = max(gaps) + (_ROUNDINGS * _EPS * level.size + unseen) / level.step**power
        if math.isfinite(error) and (best is None or error < best.error):
            best = Slope(finer[i], error)
    return best


def _quantum(levels: Sequence[_Level]) -> float:
    """The smallest change of the value that is seen, where it is rounding; 0 where it is larger."""
    changes = [change for level in levels for change in (abs(level.rise), abs(level.fall)) if change]
    smallest = min(changes, default=0.0)
    return smallest if smallest <= _RESOLUTION * max((level.size for level in levels), default=0.0) else 0.0


def _jump(levels: Sequence[_Level]) -> float:
    """The change of the value that stays as the step shrinks."""
    last = levels[-_JUMP_LEVELS:]
    largest = max((level.size for level in levels), default=0.0)
    for rises in ([level.rise for level in last], [level.fall for level in last]):
        mean = sum(rises) / len(rises) if rises else math.nan
        large = math.isfinite(mean) and abs(mean) > _RESOLUTION * largest
        if large and all(abs(rise - mean) <= 0.1 * abs(mean) for rise in rises):
            return mean
    return 0.0
