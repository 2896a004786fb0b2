"""What a named test problem is: an expression, where to start, and where its minima are. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from gdcli.errors import GdcliError
from gdcli.lang.limits import MAX_ELEMENTS

Category = Literal["convex", "valley", "many-minima", "flat-or-kinked", "least-squares"]
Box: TypeAlias = tuple[float, float]
Coordinates: TypeAlias = float | tuple[float, ...]
"""The value of a variable at a point: a number, or the numbers of a vector."""

_LISTED = 6  # a start of at most this many numbers is written out


@dataclass(frozen=True, slots=True)
class Minimum:
    """A point where the loss is smallest, among all points or among its neighbors."""

    values: Mapping[str, Coordinates]
    loss: float


@dataclass(frozen=True, slots=True)
class Instance:
    """A problem in one dimension, ready to run.

    ``expression`` and the ``start`` of each variable are text in the expression language. ``domain`` is the interval
    (low, high) in which a variable, or each number of a vector, is usually searched. ``minima`` are the known global
    minima in that domain, ``local`` some well-known minima that are not global.
    """

    expression: str
    start: Mapping[str, str]
    domain: Mapping[str, Box]
    minima: tuple[Minimum, ...]
    local: tuple[Minimum, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """A problem in every dimension n in which it is defined, with the vector ``x`` of n numbers as its variable.

    ``minima`` may be empty for an n whose minima are not in the catalogue. n is at least ``least``, at most ``most``
    (None: any), and a multiple of ``multiple``.
    """

    expression: Callable[[int], str]
    start: Callable[[int], str]
    domain: Callable[[int], Box]
    minima: Callable[[int], tuple[Minimum, ...]]
    least: int = 1
    most: int | None = None
    multiple: int = 1

    def instance(self, dim: int) -> Instance:
        """The problem in ``dim`` dimensions.

        Raises:
            GdcliError: for a dimension that is not one of those allowed, or that is over the limit of elements.
        """
        self._check(dim)
        start, domain = MappingProxyType({"x": self.start(dim)}), MappingProxyType({"x": self.domain(dim)})
        return Instance(self.expression(dim), start, domain, self.minima(dim))

    def _check(self, dim: int) -> None:
        if dim < self.least:
            message = f"the dimension of this problem must be at least {self.least}, not {dim}"
            raise GdcliError("dimension", message, f"use {self.least} or more")
        if self.most is not None and dim > self.most:
            message = f"the dimension of this problem must be at most {self.most}, not {dim}"
            raise GdcliError("dimension", message, f"use {self.most} or fewer")
        if dim % self.multiple:
            message = f"the dimension of this problem must be a multiple of {self.multiple}, not {dim}"
            raise GdcliError("dimension", message, f"use {dim + self.multiple - dim % self.multiple}")
        if dim > MAX_ELEMENTS:
            message = f"the start would have {dim:,} elements; the limit is {MAX_ELEMENTS:,}"
            raise GdcliError("limit", message, "use a smaller dimension")


@dataclass(frozen=True, slots=True)
class CatalogueProblem:
    """A published test problem.

    ``name`` is what users type, ``title`` what is shown. ``hard`` says in a few words what makes the problem hard,
    ``source`` who published it, ``note`` what else a reader should know. ``usual`` is its usual form, of ``dimension``
    numbers; ``family`` gives the other dimensions, and is None for a problem that has none. ``expression``, ``start``,
    ``domain``, ``minima`` and ``local`` are those of the usual form.
    """

    name: str
    title: str
    category: Category
    hard: str
    source: str
    usual: Instance
    dimension: int
    family: Family | None = None
    note: str = ""

    @property
    def expression(self) -> str:
        """The text of the usual form."""
        return self.usual.expression

    @property
    def start(self) -> Mapping[str, str]:
        """Where a descent of the usual form starts, as text."""
        return self.usual.start

    @property
    def domain(self) -> Mapping[str, Box]:
        """The usual box, by variable."""
        return self.usual.domain

    @property
    def minima(self) -> tuple[Minimum, ...]:
        """The global minima of the usual form."""
        return self.usual.minima

    @property
    def local(self) -> tuple[Minimum, ...]:
        """Well-known local minima of the usual form."""
        return self.usual.local

    def instantiate(self, dim: int | None = None) -> Instance:
        """The problem in ``dim`` dimensions, or in its usual form.

        Raises:
            GdcliError: for a dimension in which the problem is not defined, or that is over the limit of elements.
        """
        if dim is None:
            return self.usual
        if self.family is not None:
            return self.family.instance(dim)
        if dim == self.dimension:
            return self.usual
        message = f"the dimension of this problem must be {self.dimension}, not {dim}"
        raise GdcliError("dimension", message, "leave the dimension out")


def at(loss: float, **values: float | Sequence[float]) -> Minimum:
    """A minimum, written as ``at(0, x=3, y=0.5)`` or ``at(0, x=[1, 1, 1])``."""
    point = {name: tuple(map(float, v)) if isinstance(v, Sequence) else float(v) for name, v in values.items()}
    return Minimum(MappingProxyType(point), float(loss))


def instance(
    expression: str,
    start: Mapping[str, str],
    domain: Box | Mapping[str, Box],
    minima: Sequence[Minimum],
    local: Sequence[Minimum] = (),
) -> Instance:
    """An instance; a ``domain`` of two numbers is that of every variable."""
    boxes = domain if isinstance(domain, Mapping) else dict.fromkeys(start, domain)
    return Instance(expression, MappingProxyType({**start}), MappingProxyType({**boxes}), tuple(minima), tuple(local))


def fixed(  # noqa: PLR0913 -- a row of the catalogue
    name: str, title: str, usual: Instance, *, category: Category, hard: str, source: str, note: str = ""
) -> CatalogueProblem:
    """A problem in one dimension only."""
    return CatalogueProblem(name, title, category, hard, source, usual, _numbers(usual), None, note)


def scalable(  # noqa: PLR0913 -- a row of the catalogue
    name: str,
    title: str,
    family: Family,
    usual: int | Instance,
    *,
    category: Category,
    hard: str,
    source: str,
    note: str = "",
) -> CatalogueProblem:
    """A problem in any dimension: ``usual`` is the usual one, or a form in x and y that is shown instead."""
    form = family.instance(usual) if isinstance(usual, int) else usual
    return CatalogueProblem(name, title, category, hard, source, form, _numbers(form), family, note)


def _numbers(form: Instance) -> int:
    """How many numbers a point of the form has."""
    return sum(1 if isinstance(value, float) else len(value) for value in form.minima[0].values.values())


def written(numbers: Sequence[float]) -> str:
    """A vector as text: ``[-1.2, 1]``."""
    return f"[{', '.join(f'{number:g}' for number in numbers)}]"


def filled(value: float) -> Callable[[int], str]:
    """A start with the same number in every place."""
    return lambda n: written([value] * n) if n <= _LISTED else f"full(({n},), {value:g})"


def repeated(*block: float) -> Callable[[int], str]:
    """A start that repeats some numbers, cut off at n."""

    def text(n: int) -> str:
        times, rest = divmod(n, len(block))
        if n <= _LISTED:
            return written((block * (times + 1))[:n])
        whole = f"tile({written(block)}, ({times + bool(rest)},))"
        return f"{whole}[0:{n}]" if rest else whole

    return text


def equal(value: float, loss: float = 0, *, each: float = 0) -> Callable[[int], tuple[Minimum, ...]]:
    """One minimum, with the same number in every place; its loss is ``loss`` and ``each`` for every dimension."""
    return lambda n: (at(loss + each * n, x=[value] * n),)


def box(low: float, high: float) -> Callable[[int], Box]:
    """The same domain in every dimension."""
    return lambda _: (low, high)


def always(text: str) -> Callable[[int], str]:
    """An expression that is the same in every dimension."""
    return lambda _: text
