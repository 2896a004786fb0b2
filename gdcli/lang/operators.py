"""The table of operators: symbol, class in Python's ``ast``, PyTorch's name, and value on plain numbers. No torch."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from msgspec import Struct

BinarySyntax: TypeAlias = type[ast.operator] | type[ast.cmpop]


class UnaryOperator(Struct, frozen=True):
    """An operator before a value; the fields are those of ``BinaryOperator``."""

    symbol: str
    syntax: type[ast.unaryop]
    name: str
    compute: Callable[[float], float]


class BinaryOperator(Struct, frozen=True):
    """An operator between two values.

    ``syntax`` is its class in Python's ``ast``, ``name`` the function of the language that computes the same, and
    ``compute`` what Python computes for two numbers; None for ``@``, which does not apply to numbers.
    """

    symbol: str
    syntax: BinarySyntax
    name: str
    compute: Callable[[float, float], float | bool] | None

    @property
    def is_comparison(self) -> bool:
        """Whether its result is true or false."""
        return issubclass(self.syntax, ast.cmpop)


_UNARY = (
    UnaryOperator("-", ast.USub, "neg", operator.neg),
    UnaryOperator("+", ast.UAdd, "positive", operator.pos),
)
_BINARY = (
    BinaryOperator("+", ast.Add, "add", operator.add),
    BinaryOperator("-", ast.Sub, "sub", operator.sub),
    BinaryOperator("*", ast.Mult, "mul", operator.mul),
    BinaryOperator("/", ast.Div, "div", operator.truediv),
    BinaryOperator("//", ast.FloorDiv, "floor_divide", operator.floordiv),
    BinaryOperator("%", ast.Mod, "remainder", operator.mod),
    BinaryOperator("**", ast.Pow, "pow", operator.pow),
    BinaryOperator("@", ast.MatMult, "matmul", None),
    BinaryOperator("<", ast.Lt, "lt", operator.lt),
    BinaryOperator("<=", ast.LtE, "le", operator.le),
    BinaryOperator(">", ast.Gt, "gt", operator.gt),
    BinaryOperator(">=", ast.GtE, "ge", operator.ge),
    BinaryOperator("==", ast.Eq, "eq", operator.eq),
    BinaryOperator("!=", ast.NotEq, "ne", operator.ne),
)

UNARY: Mapping[str, UnaryOperator] = MappingProxyType({row.symbol: row for row in _UNARY})
BINARY: Mapping[str, BinaryOperator] = MappingProxyType({row.symbol: row for row in _BINARY})
"""Every operator by its symbol."""

UNARY_BY_SYNTAX: Mapping[type[ast.unaryop], UnaryOperator] = MappingProxyType({row.syntax: row for row in _UNARY})
BINARY_BY_SYNTAX: Mapping[BinarySyntax, BinaryOperator] = MappingProxyType({row.syntax: row for row in _BINARY})
"""Every operator by its class in Python's ``ast``; what is not here is not an operator of the language."""
