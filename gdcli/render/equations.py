"""The update of a variable as equations with numbers: ``x₁ = x₀ − lr · grad = 4 − 0.1 · 5 = 3.5``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from gdcli.contract.descent import Equation, Update
from gdcli.contract.fields import Nested
from gdcli.contract.nested import items
from gdcli.render.numbers import elements, norm, number

ELEMENTWISE = 6  # largest number of elements of a tensor of which each has its own line

TIED = "\N{NO-BREAK SPACE}"  # marks where a line must not be wrapped

_PIECE = re.compile(r"[a-z_][a-z_0-9]*|\*\*2\b|\*\*| \* | - |-|[^a-z*\- ]+| ")
_SIGNS = {" * ": " · ", " - ": " − ", "-": "−", "**2": "²"}
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
# The letters of the parameters of a rule, and of its state.
_GREEK = {"momentum": "μ", "beta1": "β₁", "beta2": "β₂", "eps": "ε", "alpha": "α"}
_LATIN = {"momentum": "mu", "weight_decay": "wd"}
_LETTERS = {"buffer": "v", "mean": "m", "square": "v", "sum": "s"}


class Writer:
    """Writes the equations of updates with ``digits`` digits, in Unicode or ASCII, for one variable or several."""

    def __init__(self, digits: int, *, ascii_only: bool, several: bool) -> None:
        self.digits = digits
        self.ascii_only = ascii_only
        self.several = several

    def lines(self, update: Update) -> Iterator[list[str]]:
        """Each line as its sides, to be joined by equals signs."""
        shape = [label for label, _ in elements("", update.terms["before"])]
        if not update.equations:
            yield self._without_equation(update)
        elif len(shape) <= ELEMENTWISE:
            for i, label in enumerate(shape):
                for equation in update.equations:
                    yield self._elementwise(update, equation, i, label)
        else:
            for equation in update.equations:
                yield from self._by_norms(update, equation)

    def point(self, variable: str, iteration: int, value: Nested) -> Iterator[list[str]]:
        """A variable at an iteration: ``x₁₀₀ = 1.5``; nothing for a tensor of many elements."""
        labelled = list(elements("", value))
        if len(labelled) <= ELEMENTWISE:
            for label, item in labelled:
                yield [f"{self._indexed(variable, iteration)}{label}", self._text(item)]

    def _elementwise(self, update: Update, equation: Equation, i: int, label: str) -> list[str]:
        used = [term for term in [equation.symbol, *_PIECE.findall(equation.formula)] if term in update.terms]
        names = {term: self._name(update, term) + (label if _is_tensor(update, term) else "") for term in used}
        values = {term: _element(update.terms[term], i) for term in [*used, "after"]}
        shown = {term: self._factor(value) for term, value in values.items()}
        numbers = self._formula(equation.formula, shown)
        if numbers.startswith(("(−", "(-")):  # no brackets at the start of a formula
            first = _PIECE.findall(equation.formula)[0]
            numbers = self._text(values[first]) + numbers[len(shown[first]) :] if first in shown else numbers
        sides = [
            names[equation.symbol],
            self._formula(equation.formula, names),
            numbers,
            self._text(values[equation.symbol]),
        ]
        if equation.symbol == "after" and update.projected is not None:
            into = _element(update.projected, i)
            if isinstance(into, float) and not math.isnan(into) and into != values["after"]:
                sides[-1] += f", projected onto its bounds: {self._text(into)}"
        return [side for k, side in enumerate(sides) if k == 0 or side != sides[k - 1]]

    def _by_norms(self, update: Update, equation: Equation) -> list[list[str]]:
        """The formula, and below it its terms: numbers, and the norms of tensors."""
        names = {term: self._name(update, term) for term in update.terms}
        used = dict.fromkeys(piece for piece in _PIECE.findall(equation.formula) if piece in names)
        sizes = []
        for term in [*used, equation.symbol]:
            value = update.terms[term]
            name = f"|{names[term]}|" if isinstance(value, list) else names[term]
            sizes.append(f"{name} = {self._size(value)}".replace(" ", TIED))
        return [[names[equation.symbol], self._formula(equation.formula, names)], [f"   {', '.join(sizes)}"]]

    def _without_equation(self, update: Update) -> list[str]:
        """The variable before and after, for a rule without equations or a variable without a gradient."""
        start, end = update.terms["before"], update.terms["after"]
        before, after = (self._indexed(update.variable, update.iteration + k) for k in (0, 1))
        if isinstance(end, list):
            before, after = f"|{before}|", f"|{after}|"
        if update.terms["gradient"] is None:
            return [after, before, self._size(end)]
        return [f"{before} = {self._size(start)}, {after}", self._size(end)]

    def _name(self, update: Update, term: str) -> str:
        """The symbol of a term, with the iteration if it changes in each."""
        if term in ("before", "after"):
            return self._indexed(update.variable, update.iteration + (term == "after"))
        owner = f"{update.variable}." if self.several else ""
        if term == "gradient":
            return f"{owner}grad"
        memory = term.removesuffix("_before")
        if memory in _LETTERS:
            letter = _LETTERS[memory] if update.variable != _LETTERS[memory] or self.several else memory
            return self._indexed(f"{owner}{letter}", update.iteration + (memory == term))
        return term_name if (term_name := (_LATIN if self.ascii_only else {**_LATIN, **_GREEK}).get(term)) else term

    def _indexed(self, name: str, iteration: int) -> str:
        if not self.ascii_only:
            return f"{name}{str(iteration).translate(_SUBSCRIPTS)}"
        return f"{name}_{iteration}" if name[-1].isdigit() else f"{name}{iteration}"

    def _formula(self, formula: str, texts: dict[str, str]) -> str:
        """The formula with a text for each of its terms."""
        written = []
        for piece in _PIECE.findall(formula):
            if piece in texts:
                written.append(texts[piece])
            elif self.ascii_only:
                written.append(piece)
            else:
                written.append("√" if piece == "sqrt" else _SIGNS.get(piece, piece))
        return "".join(written)

    def _factor(self, value: float | None) -> str:
        """A number inside a formula: a negative number in brackets."""
        text = self._text(value)
        return f"({text})" if text[:1] in ("-", "−") else text

    def _text(self, value: Nested) -> str:
        text = number(value, self.digits) if not isinstance(value, list) else self._size(value)
        return text if self.ascii_only or not text.startswith("-") else f"−{text[1:]}"

    def _size(self, value: Nested) -> str:
        return self._text(norm(value) if isinstance(value, list) else value)


def _is_tensor(update: Update, term: str) -> bool:
    return isinstance(update.terms[term], list)


def _element(value: Nested, i: int) -> float | None:
    """Element ``i`` of a flattened tensor; a number counts for every element."""
    return items(value)[i] if isinstance(value, list) else value
