"""The columns of X, made of batches of data: the same for the descent, for the exact answer, and for predictions."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import torch

from gdcli.errors import GdcliError
from gdcli.lang.constructors import Environment
from gdcli.lang.objective import Objective, build
from gdcli.regression.double_double import Double, exactly, multiply, two_sum
from gdcli.regression.held_apart import kept_apart
from gdcli.regression.layout import Layout
from gdcli.regression.plan import INTERCEPT, feature_expression

if TYPE_CHECKING:
    from typing import Literal

    from gdcli.data.rows.batch import Batch
    from gdcli.regression.source import Source

    Part = Literal["fit", "apart", "all"]

NO_MEAN = "; categories have no mean"
READ = 65_536  # rows read at a time
_NO_LEVEL, _UNKNOWN_LEVEL = -1, -2
_SHOWN = 8  # categories in a hint


class Values(NamedTuple):
    """What a batch has before powers and standardizing: ``bases``, shape (k, m), and ``y``, shape (m,), in float64.

    ``kept`` says which of the rows that were read these are; None when all are.
    """

    bases: torch.Tensor
    y: torch.Tensor
    kept: torch.Tensor | None


class Sample(NamedTuple):
    """The rows of the data that a design was learned from.

    ``rows`` is their number, without those that are kept apart; ``dropped`` counts those that were left out because a
    cell is missing, and ``gaps`` the missing cells of each column. ``validate`` and ``seed`` say what is kept apart;
    ``read`` counts all rows of the data, and ``own`` those of ``rows`` that this process reads, of several.
    """

    source: Source
    rows: int
    dropped: int
    gaps: Mapping[str, int]
    validate: float | None
    seed: int
    read: int
    own: int


class Design:
    """The columns of X and the target, in batches, as often as wanted.

    A design that was read from a model has no ``sample``: it transforms batches of other data.
    """

    def __init__(self, layout: Layout, sample: Sample | None = None) -> None:
        self.layout = layout
        self._sample = sample
        self._reader = Reader(layout)

    @property
    def sample(self) -> Sample:
        """The rows that it was learned from.

        Raises:
            ValueError: for a design that was read from a model.
        """
        if self._sample is None:
            raise ValueError("a design that was read from a model has no rows")
        return self._sample

    @property
    def names(self) -> list[str]:
        """The names of the coefficients; that of the intercept comes first, where the model has one."""
        lead = [INTERCEPT] if self.layout.intercept else []
        return lead + [term.name for term in self.layout.terms]

    @property
    def width(self) -> int:
        """The number p of columns of X, without that of ones."""
        return len(self.layout.terms)

    def to_units(self, w: Sequence[float], b: float = 0.0) -> list[float]:
        """The coefficients of the data, the intercept first, by those of the descent; each is rounded once."""
        return self.layout.to_units(w, b)

    def from_units(self, coefficients: Sequence[float]) -> tuple[list[float], float]:
        """The coefficients ``w, b`` of the descent by those of the data, the intercept first."""
        return self.layout.from_units(coefficients)

    def as_dict(self) -> dict[str, Any]:
        """What a saved model needs: plain numbers and text."""
        return msgspec.to_builtins(self.layout)  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Design:
        """The design of a saved model.

        Raises:
            msgspec.ValidationError: for what is no design.
        """
        return cls(msgspec.convert(saved, Layout))

    def batches(
        self, size: int = READ, share: tuple[int, int] = (0, 1), part: Part = "fit"
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """X, shape (n, p), and y, shape (n,), in float64, in the order of the file.

        X has no column of ones. Its columns are standardized, unless the descent sees the data as they are.
        ``size`` rows are read at a time; those that are kept apart for validation, or left out, are not among them.

        Raises:
            GdcliError: for a missing cell, or a feature that is not finite.
        """
        for values in self.values(size, share, part):
            yield self.columns(values.bases), values.y

    def values(self, size: int = READ, share: tuple[int, int] = (0, 1), part: Part = "fit") -> Iterator[Values]:
        """The batches before powers and standardizing."""
        source = self.sample.source
        for batch in source.batches(self.layout.numbers, self.layout.texts, size=size, share=share):
            chosen = self.chosen(batch, share[0], part)
            if (values := self._reader.values(batch, chosen)).y.shape[0]:
                yield values

    def chosen(self, batch: Batch, rank: int, part: Part) -> torch.Tensor | None:
        """Which rows of a batch are in a part of the data; None for all."""
        if part == "all" or (part == "fit" and self.sample.validate is None):
            return None
        apart = kept_apart(batch.first, batch.count, self.sample.validate, self.sample.seed, rank)
        return apart if part == "apart" else ~apart

    def transform(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """X of rows without a target, shape (n, p), and which of the rows it has (None for all)."""
        values = self._reader.values(batch, None, has_target=False)
        return self.columns(values.bases), values.kept

    def columns(self, bases: torch.Tensor) -> torch.Tensor:
        """X as the descent sees it: shape (m, p), by rows."""
        layout = self.layout
        if layout.standardize:
            center = torch.tensor([base.center for base in layout.bases], dtype=torch.float64)
            scale = torch.tensor([base.scale for base in layout.bases], dtype=torch.float64)
            bases = (bases - center[:, None]) / scale[:, None]
        if not layout.has_powers:  # a term a base, in order
            return bases.T.contiguous()
        columns = []
        powers: dict[int, tuple[int, torch.Tensor]] = {}
        for term in layout.terms:
            degree, power = powers.get(term.base, (1, bases[term.base]))
            for _ in range(degree, term.degree):
                power = power * bases[term.base]
            powers[term.base] = (term.degree, power)
            is_moved = term.center != 0 or term.scale != 1
            columns.append((power - term.center) / term.scale if is_moved else power)
        return torch.stack(columns, 1)

    def centred(self, bases: torch.Tensor) -> Double:
        """The columns of the exact solution: powers of ``(x - center) / 2**exponent``, by columns: shape (p, m)."""
        layout = self.layout
        center = torch.tensor([base.center for base in layout.bases], dtype=torch.float64)[:, None]
        size = torch.tensor([2.0**-base.exponent for base in layout.bases], dtype=torch.float64)[:, None]
        apart = two_sum(bases, -center) if layout.intercept else exactly(bases)
        apart = Double(apart.high * size, apart.low * size)
        if not layout.has_powers:
            return apart
        high, low = [], []
        powers: dict[int, tuple[int, Double]] = {}
        for term in layout.terms:
            degree, power = powers.get(term.base, (1, _row(apart, term.base)))
            for _ in range(degree, term.degree):
                power = multiply(power, _row(apart, term.base))
            powers[term.base] = (term.degree, power)
            high.append(power.high)
            low.append(power.low)
        return Double(torch.stack(high), torch.stack(low))

    def centred_target(self, y: torch.Tensor) -> Double:
        """The target less its mean (beside an intercept), without an error."""
        return two_sum(y, torch.full_like(y, -self.layout.target_mean))


def _row(columns: Double, place: int) -> Double:
    return Double(columns.high[place], columns.low[place])


class Reader:
    """Makes the bases of a layout of batches: numbers, indicators of levels, expressions compiled once."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._codes = {name: {level: i for i, level in enumerate(c.levels)} for name, c in layout.categories.items()}
        self._functions: dict[str, Objective] = {}
        self._checked: set[str] = set()
        for base in layout.bases:
            if base.kind == "expression":
                expression = feature_expression(base.source, layout.numbers)
                self._functions[base.source] = build(expression, Environment(torch.float64))

    def values(self, batch: Batch, chosen: torch.Tensor | None, *, has_target: bool = True) -> Values:
        """The bases of the ``chosen`` rows of a batch that have all their cells, with the missing ones filled in.

        Raises:
            GdcliError: for a missing cell that is not to be filled, an unknown level, or a feature that is not finite.
        """
        layout = self.layout
        read = [name for name in layout.numbers if has_target or name != layout.target]
        numbers = {name: as_tensor(batch.numbers[name]) for name in read}
        codes = {name: self._coded(name, batch.texts[name]) for name in layout.categories}
        target = self._target(batch, numbers) if has_target else None
        kept = chosen
        if any(batch.missing.values()):
            kept = self._complete(batch, numbers, codes, target, chosen)
        if kept is not None and bool(kept.all()):
            kept = None
        if kept is not None:
            numbers = {name: column[kept] for name, column in numbers.items()}
            codes = {name: column[kept] for name, column in codes.items()}
            target = None if target is None else target[kept]
        self._check_levels(batch, codes, kept)
        bases = self._bases(numbers, codes, rows_of(batch, kept))
        return Values(bases, target if target is not None else bases.new_empty(bases.shape[1]), kept)

    def _target(self, batch: Batch, numbers: Mapping[str, torch.Tensor]) -> torch.Tensor:
        layout = self.layout
        if layout.target in numbers:
            return numbers[layout.target]
        levels = {level: float(i) for i, level in enumerate(layout.target_levels)}
        texts = batch.texts[layout.target]
        return torch.tensor([levels.get(text, torch.nan) for text in texts], dtype=torch.float64)

    def _coded(self, name: str, texts: Sequence[str]) -> torch.Tensor:
        codes = self._codes[name]
        found = [codes.get(text, _UNKNOWN_LEVEL if text else _NO_LEVEL) for text in texts]
        return torch.tensor(found, dtype=torch.int64)

    def _complete(
        self,
        batch: Batch,
        numbers: Mapping[str, torch.Tensor],
        codes: Mapping[str, torch.Tensor],
        target: torch.Tensor | None,
        chosen: torch.Tensor | None,
    ) -> torch.Tensor:
        """Which of the chosen rows are used: those without a gap, or with "mean" those with a target."""
        layout = self.layout
        whole = torch.ones(batch.count, dtype=torch.bool) if target is None else ~target.isnan()
        if layout.missing != "mean":
            for column in numbers.values():
                whole &= ~column.isnan()
            for code in codes.values():
                whole &= code != _NO_LEVEL
        gaps = {name: count for name, count in batch.missing.items() if count}
        if layout.missing == "error" and not bool(whole.all()):
            raise missing_cells(gaps, layout.texts, layout.target)
        if layout.missing == "mean" and (texts := {name: gaps[name] for name in layout.categories if name in gaps}):
            raise missing_cells(texts, layout.texts, layout.target)
        return whole if chosen is None else whole & chosen

    def _check_levels(self, batch: Batch, codes: Mapping[str, torch.Tensor], kept: torch.Tensor | None) -> None:
        for name, code in codes.items():
            if bool((code == _UNKNOWN_LEVEL).any()):
                row = int(rows_of(batch, kept)[code == _UNKNOWN_LEVEL][0])
                message = f"column '{name}' has the category '{batch.texts[name][row - batch.first]}' in row {row + 1} "
                known = [repr(level) for level in list(self._codes[name])[:_SHOWN]]
                more = ", ..." if len(self._codes[name]) > _SHOWN else ""
                raise GdcliError(
                    "columns",
                    f"{message}of the data, which the fit has not seen",
                    f"its categories are {', '.join(known)}{more}",
                )

    def _bases(
        self, numbers: Mapping[str, torch.Tensor], codes: Mapping[str, torch.Tensor], places: torch.Tensor
    ) -> torch.Tensor:
        layout = self.layout
        if layout.missing == "mean":
            filled = {name: column for name, column in numbers.items() if name in layout.means}
            numbers = {name: column.where(~column.isnan(), layout.means[name]) for name, column in filled.items()}
        found = []
        for base in layout.bases:
            if base.kind == "number":
                found.append(numbers[base.source])
            elif base.kind == "level":
                code = codes[base.source]
                found.append((code == self._codes[base.source][base.level]).double())
            else:
                found.append(self._computed(base.source, numbers, places))
        return torch.stack(found) if found else torch.empty((0, len(places)), dtype=torch.float64)

    def _computed(self, text: str, numbers: Mapping[str, torch.Tensor], places: torch.Tensor) -> torch.Tensor:
        function = self._functions[text]
        column = function(*(numbers[name] for name in function.variables))
        if not isinstance(column, torch.Tensor) or column.shape != places.shape:
            message = f"the feature '{text}' does not give one number a row"
            raise GdcliError("columns", message, "a feature is computed of each row on its own")
        column = column.double()
        self._check_rows(text, column, numbers)
        if not bool(column.isfinite().all()):
            row = int((~column.isfinite()).nonzero()[0, 0])
            given = ", ".join(f"{name} = {float(numbers[name][row]):.6g}" for name in function.variables)
            message = (
                f"the feature '{text}' is {float(column[row])} in row {int(places[row]) + 1} of the data, where {given}"
            )
            raise GdcliError("columns", message, "write a feature that is finite in every row, or remove the row")
        return column

    def _check_rows(self, text: str, column: torch.Tensor, numbers: Mapping[str, torch.Tensor]) -> None:
        """Raise GdcliError where a feature of the first rows depends on the other rows."""
        function, some = self._functions[text], (len(column) + 1) // 2
        if text in self._checked or some == len(column):
            return
        self._checked.add(text)
        try:
            alone = function(*(numbers[name][:some] for name in function.variables)).double()
        except GdcliError:
            alone = column  # of another number of rows
        if alone.shape != (some,) or not torch.allclose(alone, column[:some], 1e-9, 0.0, equal_nan=True):
            message = f"the feature '{text}' of a row depends on other rows, or on random numbers"
            raise GdcliError("columns", message, "a feature is computed of each row on its own")


def rows_of(batch: Batch, kept: torch.Tensor | None) -> torch.Tensor:
    """The numbers of the rows of a batch, counted from 0 in the share of the data."""
    places = torch.arange(batch.first, batch.first + batch.count)
    return places if kept is None else places[kept]


def as_tensor(numbers: array[float] | memoryview) -> torch.Tensor:
    """The numbers of a column, without a copy."""
    return torch.frombuffer(numbers, dtype=torch.float64) if len(numbers) else torch.empty(0, dtype=torch.float64)


def missing_cells(gaps: Mapping[str, int], texts: Collection[str], target: str) -> GdcliError:
    """The error for missing cells, with their number in each column. Categories and the target have no mean."""
    shown = ", ".join(f"'{name}' has {count:,}" for name, count in gaps.items())
    hint = "leave out their rows with --missing drop"
    without = [name for name in gaps if name in texts]
    if without:
        return GdcliError("missing", f"cells are missing: column {shown}", hint + NO_MEAN)
    if any(name != target for name in gaps):
        hint += ", or put the mean of the column in them with --missing mean"
    return GdcliError("missing", f"cells are missing: column {shown}", hint)
