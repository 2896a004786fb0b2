"""What the columns of X take from the data: means, scales, levels, and which cells are missing."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch
from msgspec.structs import replace

from gdcli.contract.regression import RegressionSettings
from gdcli.errors import GdcliError
from gdcli.regression.design import READ, Design, Sample, as_tensor, missing_cells
from gdcli.regression.held_apart import kept_apart
from gdcli.regression.layout import Base, Layout, Levels, Term
from gdcli.regression.moments import Moments
from gdcli.regression.plan import Plan, plan

if TYPE_CHECKING:
    from gdcli.data.rows.batch import Batch
    from gdcli.regression.source import Source

Gather = Callable[[Any], list[Any]]
"""Gives each process of a run the values of all of them, in the order of their ranks."""

MOST_LEVELS = 1_000


def alone(value: object) -> list[Any]:
    """What a run in one process gathers."""
    return [value]


def learn(
    rows: Source, settings: RegressionSettings, share: tuple[int, int] = (0, 1), gather: Gather = alone
) -> Design:
    """The design of a regression: one pass over the rows, and another one for powers and expressions.

    The rows that ``validate`` keeps apart teach it nothing. With ``share`` (rank, of), each rank reads its own rows and
    ``gather`` brings together what they have learned.

    Raises:
        GdcliError: for an unknown column, a missing cell, a constant column, or data without rows.
    """
    wanted = plan(settings, rows.columns, rows.name)
    first = FirstPass(wanted, settings, share[0])
    for batch in rows.batches(wanted.numbers, wanted.texts, size=READ, share=share):
        first.add(batch)
    own, first = first.count, reduce(FirstPass.joined, gather(first))
    first.check(rows.name)
    sample = Sample(rows, first.count, first.dropped, first.gaps, settings.validate, settings.seed, first.read, own)
    design = Design(_layout(wanted, settings, first), sample)
    if wanted.expressions:
        design = Design(_with_expressions(design, share, gather), sample)
    if design.layout.has_powers and design.layout.standardize:
        design = Design(_with_powers(design, share, gather), sample)
    return design


class FirstPass:
    """What one pass over the columns finds: moments of numbers, counts of levels, missing cells."""

    def __init__(self, wanted: Plan, settings: RegressionSettings, rank: int) -> None:
        self.plan = wanted
        self.missing, self.validate, self.seed, self.rank = settings.missing, settings.validate, settings.seed, rank
        self.is_logistic = settings.loss == "logistic"
        self.count = self.dropped = self.read = 0
        self.gaps: Counter[str] = Counter()
        self.moments = Moments.none(len(wanted.numbers))
        self.levels: dict[str, Counter[str]] = {name: Counter() for name in wanted.texts}
        self.odd_target: float | None = None

    def add(self, batch: Batch) -> None:
        """Note what the rows of a batch have, without those that are kept apart."""
        self.read += batch.count
        self.gaps.update({name: count for name, count in batch.missing.items() if count})
        columns = torch.stack([as_tensor(batch.numbers[name]) for name in self.plan.numbers])
        texts = {name: batch.texts[name] for name in self.plan.texts}
        whole = self._whole(batch, columns)
        self.dropped += batch.count - int(whole.sum())
        if self.validate is not None:
            whole &= ~kept_apart(batch.first, batch.count, self.validate, self.seed, self.rank)
        if not bool(whole.all()):
            columns = columns[:, whole]
            flags = whole.tolist()
            texts = {name: [t for t, flag in zip(column, flags, strict=True) if flag] for name, column in texts.items()}
        self.count += columns.shape[1]
        self.moments = self.moments.joined(Moments.of(columns))
        for name, column in texts.items():
            self.levels[name].update(column)
            if len(self.levels[name]) > MOST_LEVELS + 1:
                raise _too_many_levels(name)
        if self.is_logistic and self.plan.target in self.plan.numbers and self.odd_target is None:
            y = columns[self.plan.numbers.index(self.plan.target)]
            odd = y[(y != 0) & (y != 1)]
            self.odd_target = float(odd[0]) if len(odd) else None

    def _whole(self, batch: Batch, columns: torch.Tensor) -> torch.Tensor:
        """Which rows of a batch are used: those without a missing cell, or with "mean" those with a target."""
        whole = torch.ones(batch.count, dtype=torch.bool)
        for name, column in zip(self.plan.numbers, columns, strict=True):
            if batch.missing.get(name) and (self.missing != "mean" or name == self.plan.target):
                whole &= ~column.isnan()
        for name in self.plan.texts:
            if batch.missing.get(name) and (self.missing != "mean" or name == self.plan.target):
                whole &= torch.tensor([text != "" for text in batch.texts[name]])
        return whole

    def joined(self, other: FirstPass) -> FirstPass:
        """What both have found: the rows of two processes."""
        found = copy(self)
        found.count += other.count
        found.dropped += other.dropped
        found.read += other.read
        found.gaps = self.gaps + other.gaps
        found.moments = self.moments.joined(other.moments)
        found.levels = {name: counts + other.levels[name] for name, counts in self.levels.items()}
        found.odd_target = other.odd_target if self.odd_target is None else self.odd_target
        return found

    def check(self, source: str) -> None:
        """Raise GdcliError for missing cells, rows that are too few, and a target that is no class."""
        if self.missing == "error" and self.gaps:
            raise missing_cells(self.gaps, self.plan.texts, self.plan.target)
        texts = {name: self.gaps[name] for name in self.plan.categorical if self.gaps[name]}
        if self.missing == "mean" and texts:
            raise missing_cells(texts, self.plan.texts, self.plan.target)
        if self.count == 0:
            because = f": each of its {self.read:,} rows has a missing cell" if self.dropped else ""
            raise GdcliError("data", f"{source} has no rows to fit{because}")
        if self.odd_target is not None:
            message = f"the target '{self.plan.target}' of a logistic regression is 0 or 1, not {self.odd_target:.6g}"
            hint = "leave out --loss logistic to predict numbers; of two categories, add --categorical "
            hint += shlex.quote(self.plan.target)
            raise GdcliError("target", message, hint)
        if self.is_logistic and self.plan.target in self.plan.numbers:
            place = self.plan.numbers.index(self.plan.target)
            least, most = float(self.moments.least[place]), float(self.moments.most[place])
            if least == most:
                message = f"the target '{self.plan.target}' of a logistic regression is {least:.6g} in all rows"
                raise GdcliError("target", message)

    def mean_of(self, name: str) -> float:
        """The mean of a column of numbers."""
        return float(self.moments.mean[self.plan.numbers.index(name)])


def _too_many_levels(name: str) -> GdcliError:
    message = f"column '{name}' has more than {MOST_LEVELS:,} categories"
    return GdcliError("columns", message, f"leave it out: --exclude {shlex.quote(name)}")


def _layout(wanted: Plan, settings: RegressionSettings, found: FirstPass) -> Layout:
    """The columns of X, with the centers and scales of numbers and levels."""
    categories = _categories(wanted, found, intercept=settings.intercept)
    bases: list[Base] = []
    terms: list[Term] = []
    for base, degree in _bases(wanted, found, categories, intercept=settings.intercept):
        name = f"{base.source}[{base.level}]" if base.kind == "level" else base.source
        powers = [name, *(f"{name}**{k}" for k in range(2, degree + 1))]
        terms += [Term(name=power, base=len(bases), degree=k) for k, power in enumerate(powers, start=1)]
        bases.append(base)
    target_levels, target_mean = _target(wanted, settings, found)
    return Layout(
        target=wanted.target,
        intercept=settings.intercept,
        standardize=settings.standardize,
        missing=settings.missing,
        numbers=wanted.numbers,
        texts=wanted.texts,
        means={name: found.mean_of(name) for name in wanted.numbers if name != wanted.target},
        categories=categories,
        target_levels=target_levels,
        target_mean=target_mean,
        bases=tuple(bases),
        terms=tuple(terms),
    )


def _categories(wanted: Plan, found: FirstPass, *, intercept: bool) -> dict[str, Levels]:
    """The levels of each column, in order. One is dropped beside an intercept, or beside those of another column."""
    categories: dict[str, Levels] = {}
    for name in wanted.categorical:
        levels = in_order(level for level in found.levels[name] if level != "")
        if len(levels) > MOST_LEVELS:
            raise _too_many_levels(name)
        if len(levels) < 2:
            only = f": '{levels[0]}'" if levels else ""
            raise GdcliError(
                "constant", f"column '{name}' has one category{only}", f"leave it out: --exclude {shlex.quote(name)}"
            )
        is_redundant = intercept or bool(categories)
        categories[name] = Levels(levels=levels, dropped=levels[0] if is_redundant else None)
    return categories


def in_order(levels: Iterator[str]) -> tuple[str, ...]:
    """Levels in the order of their numbers, where all are numbers; otherwise in that of the alphabet."""
    names = list(levels)
    try:
        return tuple(sorted(names, key=lambda level: (float(level), level)))
    except ValueError:
        return tuple(sorted(names))


def _bases(
    wanted: Plan, found: FirstPass, categories: Mapping[str, Levels], *, intercept: bool
) -> Iterator[tuple[Base, int]]:
    """Each base with the number of its powers; those of expressions are not measured yet."""
    moments = found.moments
    if found.missing == "mean":  # cells that are filled in add nothing to the squares, and are rows all the same
        moments = moments._replace(counts=torch.full_like(moments.counts, float(found.count)))
    scales = moments.scale(about_zero=not intercept).tolist()
    useless = dict(zip(wanted.numbers, found.moments.is_useless(intercept=intercept), strict=True))
    for name, degree in wanted.features.items():
        if name not in categories:
            mean = found.mean_of(name)
            if useless[name]:
                raise _constant(f"column '{name}'", name)
            scale = _measured(scales[wanted.numbers.index(name)], f"column '{name}'")
            yield Base(kind="number", source=name, mean=mean, center=mean if intercept else 0.0, scale=scale), degree
            continue
        counts = found.levels[name]
        total = sum(count for level, count in counts.items() if level != "")
        for level in categories[name].levels:
            if level != categories[name].dropped:
                mean = counts[level] / total
                spread = mean * (1 - mean) if intercept else mean
                center = mean if intercept else 0.0
                yield Base(kind="level", source=name, level=level, mean=mean, center=center, scale=spread**0.5), 1
    for text in wanted.expressions:
        yield Base(kind="expression", source=text), 1


def _target(wanted: Plan, settings: RegressionSettings, found: FirstPass) -> tuple[tuple[str, ...], float]:
    """The two categories of a target that is text, and the mean of the target where it is centred."""
    name = wanted.target
    if name in wanted.numbers:
        is_centred = settings.intercept and settings.loss != "logistic"
        return (), found.mean_of(name) if is_centred else 0.0
    levels = in_order(level for level in found.levels[name] if level != "")
    if settings.loss != "logistic":
        raise GdcliError("target", f"the target '{name}' has categories", "predict them with --loss logistic")
    if len(levels) != 2:
        raise GdcliError("target", f"the target '{name}' has {len(levels)} categories; a logistic regression has 2")
    return levels, 0.0


def _with_expressions(design: Design, share: tuple[int, int], gather: Gather) -> Layout:
    """The layout with the centers and scales of expressions."""
    layout = design.layout
    moments = Moments.none(len(layout.bases))
    for values in design.values(READ, share):
        moments = moments.joined(Moments.of(values.bases))
    moments = reduce(Moments.joined, gather(moments))
    for base, is_constant in zip(layout.bases, moments.is_useless(intercept=layout.intercept), strict=True):
        if is_constant and base.kind == "expression":
            raise _constant(f"the feature '{base.source}'")
    scales = moments.scale(about_zero=not layout.intercept).tolist()
    bases = [
        _with_scale(base, mean, scale, intercept=layout.intercept) if base.kind == "expression" else base
        for base, mean, scale in zip(layout.bases, moments.mean.tolist(), scales, strict=True)
    ]
    return replace(layout, bases=tuple(bases))


def _with_scale(base: Base, mean: float, scale: float, *, intercept: bool) -> Base:
    scale = _measured(scale, f"the feature '{base.source}'")
    return replace(base, mean=mean, center=mean if intercept else 0.0, scale=scale)


def _with_powers(design: Design, share: tuple[int, int], gather: Gather) -> Layout:
    """The layout with the centers and scales of the powers of standardized columns."""
    layout = design.layout
    moments = Moments.none(len(layout.terms))
    for values in design.values(READ, share):
        moments = moments.joined(Moments.of(design.columns(values.bases).T))
    moments = reduce(Moments.joined, gather(moments))
    for term, is_constant in zip(layout.terms, moments.is_useless(intercept=layout.intercept), strict=True):
        if is_constant:
            raise _constant(f"the feature '{term.name}'")
    scales = moments.scale(about_zero=not layout.intercept).tolist()
    terms = [
        term if term.degree == 1 else replace(term, center=center if layout.intercept else 0.0, scale=scale)
        for term, center, scale in zip(layout.terms, moments.mean.tolist(), scales, strict=True)
    ]
    return replace(layout, terms=tuple(terms))


def _measured(scale: float, what: str) -> float:
    """A scale that numbers can be divided by.

    Raises:
        GdcliError: for numbers whose squares are 0 or infinite in float64.
    """
    if 0 < scale < math.inf:
        return scale
    why = "small: their squares are 0" if scale == 0 else "large: their squares are infinite"
    raise GdcliError("scale", f"the numbers of {what} are too {why} in float64", "change their unit")


def _constant(what: str, exclude: str = "") -> GdcliError:
    """The error for a column of X that has one value."""
    hint = f"leave it out: --exclude {shlex.quote(exclude)}" if exclude else "leave it out"
    return GdcliError("constant", f"{what} is constant, so its coefficient cannot be told from the intercept", hint)
