"""The derivatives of a program by the chain rule, in its names: ``∂loss/∂z = ∂loss/∂y * 2*z``.

Each statement is differentiated alone, by the names and the variables in it. What the result depends on has a row, from
the result back, so that each row is made of those above it: the formulas of the backward pass.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from msgspec.structs import replace

from gdcli.contract.grad import Derivative
from gdcli.explain.formulas import Code, latex
from gdcli.explain.intermediates import Intermediates, is_tracked
from gdcli.explain.names import Named, named, with_parts
from gdcli.explain.symbolic import (
    DIFFERENTIATING,
    SIMPLIFYING,
    TOO_LONG,
    Partial,
    differentiated,
    has_decimals,
    symbol,
    written,
)
from gdcli.explain.work import OutOfWorkError, Work
from gdcli.lang.nodes import Binary, Expression, Node, Reference, Variable, postorder
from gdcli.lang.parsing import parse
from gdcli.tensors import Problem

_UNNAMED = "f", "result"  # what a result without a name is called: the first that is no name of the program
_A_STATEMENT = 2_000  # calls of SymPy's functions for each statement


@dataclass(frozen=True, slots=True)
class _Link:
    """The derivative of ``of``, which a statement gives, by a name in it; the result is an ``of`` without a name."""

    of: str
    local: Derivative


def chain_rule(problem: Problem) -> list[Derivative]:
    """The derivative by each name that the result depends on, from the result back, and by each variable of ``wrt``.

    Where none of the names has a formula, only those of ``wrt`` are told.
    """
    names, own = _Chain(problem).rows()
    return [*(names if any(row.formula is not None for row in names) else []), *own]


class _Chain:
    """The statements of a program as functions of the names in them, and their values."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.expression = problem.objective.expression
        self.kept = Intermediates(self.expression, problem.environment, problem.tensors)
        value = self.kept.objective(*problem.tensors.values())
        torch.autograd.grad(value, list(problem.leaves.values()), allow_unused=True)
        numbers = {statement.number for statement in self.expression.statements}
        self.result, *others = named(self.expression)
        self.names = [each for each in others if each.number in numbers and each.node in self.kept]
        # A list or a condition that does not move is spelled out in a formula.
        self.names = [each for each in self.names if is_tracked(self.kept[each.node]) or self._is_number(each.node)]
        self.called = _called([self.result, *self.names], self.expression)
        self.values = dict(problem.tensors)
        for each in self.names:
            if isinstance(self.kept[each.node], torch.Tensor):
                self.values[self.called[each.number]] = self.kept[each.node].detach()
        unnamed = itertools.chain(_UNNAMED, (f"result{i}" for i in itertools.count(2)))
        self.result_name = self.result.name or next(name for name in unnamed if name not in self.values)

    def _is_number(self, node: Node) -> bool:
        value = self.kept[node]
        return isinstance(value, torch.Tensor) and not value.dim() and value.is_floating_point()

    def rows(self) -> tuple[list[Derivative], list[Derivative]]:
        """The rows of the names and of the variables, in order."""
        links = self._links()
        found: dict[str, Derivative] = {}
        for each in self.names:
            if is_tracked(self.kept[each.node]):
                name = self.called[each.number]
                row = self._row(name, links.get(name, []), found, self.kept.gradient(each.node))
                found[name] = replace(row, name=each.name, line=self.expression.line(each.node))
        own = [self._row(name, links.get(name, []), found, None) for name in self.problem.wrt]
        return list(found.values()), own

    def _links(self) -> dict[str, list[_Link]]:
        """The derivatives of the statements, by the name or the variable by which they are taken."""
        trees = self._trees()
        moving = {self.called[each.number] for each in self.names if is_tracked(self.kept[each.node])}
        moving |= set(self.problem.wrt)
        found: list[tuple[str, Partial]] = []
        left = [self.result, *(each for each in self.names if self.called[each.number] in moving)]
        with contextlib.suppress(OutOfWorkError), Work(DIFFERENTIATING + _A_STATEMENT * len(left)).limit():
            while left:
                of, variables = self._parts(left[0], trees)
                found += [(of, part) for part in self._partials(of, trees[id(left[0].node)], variables, moving)]
                left.pop(0)
        for each in left:
            of, variables = self._parts(each, trees)
            found += [(of, Partial(name, None, TOO_LONG)) for name in variables if name in moving]
        return self._written(found)

    def _parts(self, each: Named, trees: Mapping[int, Node]) -> tuple[str, list[str]]:
        """What a statement gives, empty for the result, and the names and variables in it."""
        parts = (node.name for node in postorder(trees[id(each.node)]) if isinstance(node, Variable))
        return "" if each is self.result else self.called[each.number], list(dict.fromkeys(parts))

    def _partials(self, of: str, tree: Node, variables: Sequence[str], moving: Collection[str]) -> list[Partial]:
        """The derivatives of a statement by what moves in it."""
        inputs = [name for name in variables if name in moving]
        if of and self.values[of].dim():
            obstacle = f"{of} has shape {tuple(self.values[of].shape)}, but formulas are for scalar variables"
            return [Partial(name, None, obstacle) for name in inputs]
        values = {name: self.values[name] for name in variables}
        block = replace(self.expression, root=tree, variables=tuple(variables))
        return differentiated(block, values, inputs)

    def _trees(self) -> dict[int, Node]:
        """The tree of each node with variables in the places of the names."""
        new: dict[int, Node] = {}
        for node in postorder(self.expression.root):
            if isinstance(node, Reference) and node.number in self.called:
                new[id(node)] = Variable(self.called[node.number], node.span)
            else:
                new[id(node)] = with_parts(node, lambda part: new.get(id(part), part))
        return new

    def _written(self, found: Sequence[tuple[str, Partial]]) -> dict[str, list[_Link]]:
        code, calls = Code(decimals=has_decimals(self.expression)), SIMPLIFYING // max(1, len(found))
        links: dict[str, list[_Link]] = {}
        for of, partial in found:
            local = written(partial, code, self.values, self.problem.environment, calls)
            links.setdefault(partial.variable, []).append(_Link(of, local))
        return links

    def _row(
        self, name: str, links: Sequence[_Link], above: Mapping[str, Derivative], gradient: torch.Tensor | None
    ) -> Derivative:
        """The derivative by a name: the sum over the statements that use it."""
        obstacle = next((link.local.obstacle for link in links if link.local.formula is None), "")
        if obstacle:
            known = gradient is not None and gradient.numel() == 1
            value = float(gradient) if known and gradient is not None else None
            return Derivative(
                variable=name, formula=None, latex=None, value=value, obstacle=obstacle, result=self.result_name
            )
        terms, texts, value = list[str](), list[str](), 0.0
        for link in links:
            value += (link.local.value or 0.0) * (1.0 if not link.of else above[link.of].value or 0.0)
            if link.local.formula != "0":
                terms.append(self._term(link, link.local.formula or "", f"∂{self.result_name}/∂{link.of}", " * "))
                over = rf"\frac{{\partial {_in_latex(self.result_name)}}}{{\partial {_in_latex(link.of)}}}"
                texts.append(self._term(link, link.local.latex or "", over, r" \cdot "))
        return Derivative(
            variable=name,
            formula=_sum(terms),
            latex=_sum(texts),
            value=value,
            obstacle="",
            result=self.result_name,
        )

    def _term(self, link: _Link, local: str, above: str, times: str) -> str:
        """The derivative of the row above times the local one."""
        if not link.of:
            return local
        if local in ("1", "-1"):
            return f"{local[:-1]}{above}"
        root = parse(link.local.formula or "", self.values).root
        if isinstance(root, Binary) and root.operator in "+-":
            return f"{above}{times}" + (rf"\left({local}\right)" if "cdot" in times else f"({local})")
        sign, local = ("-", local[1:]) if local.startswith("-") else ("", local)
        return f"{sign}{above}{times}{local}"


def _called(names: Sequence[Named], expression: Expression) -> dict[int, str]:
    """What each name is called: with its line where the program gives it several times."""
    counts = Counter(each.name for each in names) + Counter(expression.names)
    lines = Counter((each.name, expression.line(each.node)) for each in names)
    taken, found = set(counts), dict[int, str]()
    for each in names[1:]:
        name = each.name
        if counts[name] > 1:
            line = expression.line(each.node)
            name = f"{name}_{line if lines[each.name, line] == 1 else each.number}"
            while name in taken:
                name += "_"
        taken.add(name)
        found[each.number] = name
    return found


def _sum(terms: Iterable[str]) -> str:
    text = " + ".join(terms)
    return text.replace(" + -", " - ") or "0"


def _in_latex(name: str) -> str:
    return latex(symbol(name))
