"""Compiles a checked tree into a Python function over a table of names.

A call costs as much as the same expression in a script. Parts that contain neither variables nor random numbers are
computed once.
"""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Callable, Sequence
from types import CodeType, EllipsisType, NoneType
from typing import Any, TypeAlias, TypeVar

import torch

from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.constants import fold
from gdcli.lang.constructors import Environment, constructor
from gdcli.lang.limits import SIZED
from gdcli.lang.nodes import (
    Application,
    Argument,
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    IndexItem,
    ListOf,
    Node,
    Number,
    Reference,
    Span,
    Static,
    Unary,
    Variable,
    children,
    is_numbers,
    is_whole,
    numbers_in,
    postorder,
)
from gdcli.lang.operators import BINARY, UNARY
from gdcli.lang.signature import Parameter
from gdcli.lang.torch_errors import FILENAME, located
from gdcli.lang.whole import stays_whole

_E = TypeVar("_E", bound=ast.expr | ast.keyword | ast.arg | ast.stmt)

_CHAIN = 100  # operations in a row that become one Python expression
_LEFT = "left side"  # not an identifier, so no variable has this name
_FUNCTION = "the expression"
_ATTRIBUTES: dict[str, Callable[[Any], Any]] = {
    "shape": lambda tensor: tensor.shape,
    "ndim": lambda tensor: tensor.ndim,
    "T": lambda tensor: tensor.T,
    "mT": lambda tensor: tensor.mT,
    "values": lambda pair: _part_of_pair(pair, 0),
    "indices": lambda pair: _part_of_pair(pair, 1),
}

Recorder: TypeAlias = Callable[[Node, Any], Any]
"""Called with each node and its result during an evaluation; returns the value that the evaluation continues with."""


class Compiler:
    """Turns the tree into a Python syntax tree over a table of names, and compiles it."""

    def __init__(self, expression: Expression, environment: Environment, record: Recorder | None = None) -> None:
        self.expression = expression
        self.environment = environment
        self.record = record
        # The names are not identifiers ("torch.sin", "constant 1"), so that no variable can shadow them.
        # PyTorch imports parts of itself from within an operation, and finds __import__ here; the tree cannot name it.
        self.names: dict[str, Any] = {"__builtins__": {"__import__": __import__}}
        self.fixed = _fixed_nodes(expression.root)
        self.own = _own_names(expression.root, self.fixed)
        self.numbers = numbers_in(expression.root)
        self.computed: dict[int, Any] = {}

    def function(self) -> Callable[..., Any]:
        """The function of the variables, in their order."""
        root = self.expression.root
        steps = [self._assignment(name) for name in self.own[None]]
        body = self._result(root) if root in self.numbers else self.lower(root)
        return self._compile(body, self.expression.variables, steps)

    def _assignment(self, name: Reference) -> ast.stmt:
        """``z = W @ x`` in the function that is made."""
        target = _at(ast.Name(_local(name), ast.Store()), name.value.span)
        return _at(ast.Assign([target], self.lower(name.value)), name.value.span)

    def _compile(
        self, body: ast.expr, variables: tuple[str, ...], steps: Sequence[ast.stmt] = ()
    ) -> Callable[..., Any]:
        parameters = ast.arguments([], [ast.arg(name) for name in variables], None, [], [], None, [])
        returned: list[ast.stmt] = [*steps, _at(ast.Return(body), (0, 1))]
        tree = ast.Module([_at(ast.FunctionDef(_FUNCTION, parameters, returned, []), (0, 1))], [])
        for part in ast.walk(tree):  # ast.fix_missing_locations would recurse, and a sum may have 2,000 terms
            if isinstance(part, (ast.expr, ast.keyword, ast.arg)) and not hasattr(part, "lineno"):
                _at(part, (0, 1))
        try:
            code: CodeType = compile(tree, FILENAME, "exec")
        except RecursionError:
            source = self.expression.source
            message = "the expression chains too many operations"
            raise ExpressionError(
                "limit", message, "use sum([...])", source=source, span=self.expression.place
            ) from None
        exec(code, self.names)  # noqa: S102 -- made of checked nodes only
        return self.names.pop(_FUNCTION)  # type: ignore[no-any-return]

    def lower(self, node: Node) -> ast.expr:
        """The Python expression for a node; a part without variables becomes a precomputed constant."""
        if node in self.numbers and self.record is not None:  # what a number comes from is no part of the graph
            record, self.record = self.record, None
            lowered = self.lower(node)
            self.record = record
            return lowered
        if isinstance(node, Reference):
            return self._watched(node, self._named(node))
        if id(node) in self.fixed:
            if id(node) not in self.computed:
                self.computed[id(node)] = self._compute(node)
            return self._watched(node, self._constant(self.computed[id(node)], node.span))
        lowered = self._lower(node)
        return lowered if isinstance(node, (Number, Binary)) else self._watched(node, lowered)

    def _named(self, node: Reference) -> ast.expr:
        """The use of a name: a variable of the function that is made, or the constant that it stands for."""
        if id(node.value) in self.fixed:
            return self.lower(node.value)
        return _at(ast.Name(_local(node), ast.Load()), node.span)

    def _watched(self, node: Node, lowered: ast.expr) -> ast.expr:
        """The expression, passed through the recorder when there is one; numbers of Python are not recorded."""
        if self.record is None or node in self.numbers:
            return lowered
        name = f"record {len(self.names)}"
        return self._call(name, functools.partial(self.record, node), [lowered], {}, node.span)

    def _lower(self, node: Node) -> ast.expr:
        match node:
            case Number(value=value):
                return _at(ast.Constant(value), node.span)
            case Variable(name=name):
                return _at(ast.Name(name, ast.Load()), node.span)
            case ListOf():
                return self._list(node)
            case Unary(operator=symbol, operand=operand):
                return _at(ast.UnaryOp(UNARY[symbol].syntax(), self.lower(operand)), node.span)
            case Binary():
                return self._binary(node)
            case Index():
                return self._index(node)
            case Attribute(value=value, name=name):
                return self._call(f".{name}", _ATTRIBUTES[name], [self.lower(value)], {}, node.span)
            case Call():
                return self._function_call(node)
            case Application():
                return self._application(node)
            case Reference():
                return self._named(node)

    def _application(self, node: Application) -> ast.expr:
        """``((x := argument), (y := x**2), y + 1)[-1]``: a call evaluates in the order of its body, as Python does."""
        value = self.lower(node.value)
        own = self.own.get(node.numbers, ())
        if not own:
            return value
        given = [ast.NamedExpr(ast.Name(_local(name), ast.Store()), self.lower(name.value)) for name in own]
        steps = _at(ast.Tuple([*given, value], ast.Load()), node.span)
        return _at(ast.Subscript(steps, ast.Constant(-1), ast.Load()), node.span)

    def _binary(self, node: Binary) -> ast.expr:
        # A sum of a thousand terms is a tree a thousand deep on its left side: walk it, do not recurse.
        chain, node_is_fixed = [node], id(node) in self.fixed
        while isinstance(chain[-1].left, Binary) and (node_is_fixed or id(chain[-1].left) not in self.fixed):
            chain.append(chain[-1].left)
        steps = chain[::-1]
        result = self._applied(self.lower(steps[0].left), steps[:_CHAIN])
        for start in range(_CHAIN, len(steps), _CHAIN):
            # Python's compiler recurses: (lambda left: left + b + c)(a) keeps its tree flat, in the same order.
            left = _at(ast.Name(_LEFT, ast.Load()), steps[start].left.span)
            body = self._applied(left, steps[start : start + _CHAIN])
            part = ast.Lambda(ast.arguments([], [ast.arg(_LEFT)], None, [], [], None, []), body)
            result = _at(ast.Call(_at(part, node.span), [result], []), steps[start].span)
        return result

    def _applied(self, left: ast.expr, steps: list[Binary]) -> ast.expr:
        """The operations of a chain one after the other, beginning with ``left``."""
        for step in steps:
            right = self.lower(step.right)
            operator = BINARY[step.operator]
            syntax = operator.syntax()
            if step in self.numbers:  # bounded, as all arithmetic of plain numbers
                left = self._call(
                    f"number {operator.name}", functools.partial(fold, operator), [left, right], {}, step.span
                )
            elif isinstance(syntax, ast.cmpop):
                left = _at(ast.Compare(left, [syntax], [right]), step.span)
            else:
                left = _at(ast.BinOp(left, syntax, right), step.span)
            left = self._watched(step, left)
        return left

    def _list(self, node: ListOf) -> ast.expr:
        if is_numbers(node):
            return self._constant(self._tensor(_numbers(node), node.span, dtype=self.environment.dtype), node.span)
        items = [self._number(item) if item in self.numbers else self.lower(item) for item in node.items]
        return self._call("[]", torch.stack, [_at(ast.List(items, ast.Load()), node.span)], {}, node.span)

    def _function_call(self, call: Call) -> ast.expr:
        function = call.function
        name, target = function.path, resolve(function.path)
        if function.makes_a_tensor:
            name = f"{name} of {self.environment.dtype}"
            target = constructor(function, target, self.environment)
        positional = [self._argument(argument) for argument in call.arguments if not argument.by_keyword]
        keywords = {a.parameter.name: self._argument(a) for a in call.arguments if a.by_keyword}
        return self._call(name, target, positional, keywords, call.span)

    def _whole(self, node: Node, dtype: str) -> ast.expr:
        """Constants as PyTorch makes them, of whole numbers."""
        run, self.environment = self.environment, self.environment.with_dtype(dtype)
        lowered = self.lower(node)
        self.environment = run
        return lowered

    def _call(
        self, name: str, target: Any, positional: list[ast.expr], keywords: dict[str, ast.expr], span: Span
    ) -> ast.expr:
        self.names[name] = target
        named = [ast.keyword(key, value) for key, value in keywords.items()]
        return _at(ast.Call(_at(ast.Name(name, ast.Load()), span), positional, named), span)

    def _argument(self, argument: Argument) -> ast.expr:
        value, parameter = argument.value, argument.parameter
        if isinstance(value, tuple):
            items = [self._tensor_argument(item, parameter) for item in value]
            return ast.Tuple(items, ast.Load()) if parameter.kind in SIZED else ast.List(items, ast.Load())
        if isinstance(value, Static):
            if parameter.kind == "dtype" and isinstance(value.value, str):
                return self._constant(getattr(torch, value.value), value.span)
            return _at(ast.Constant(value.value), value.span)  # type: ignore[arg-type]
        if parameter.kind in ("data", "lists"):
            return self._constant(_numbers(value), value.span)
        return self._tensor_argument(value, parameter)

    def _tensor_argument(self, node: Node, parameter: Parameter) -> ast.expr:
        if parameter.kind == "index" and is_numbers(node):
            return self._constant(self._tensor(_numbers(node), node.span, dtype=None), node.span)
        if dtype := stays_whole(node, parameter):
            return self._whole(node, dtype)
        if node in self.numbers:
            number = isinstance(node, Number) and isinstance(node.value, int)
            stays = parameter.kind in ("either", "number", *SIZED) or (parameter.kind == "any" and number)
            return self.lower(node) if stays else self._number(node)
        return self.lower(node)

    def _number(self, node: Node) -> ast.expr:
        """A plain number as a tensor of the run's dtype."""
        if isinstance(node, Number):
            return self._constant(self._tensor(node.value, node.span, dtype=self.environment.dtype), node.span)
        make = functools.partial(torch.tensor, dtype=self.environment.dtype, device=self.environment.device)
        return self._call("tensor of a number", make, [self.lower(node)], {}, node.span)

    def _result(self, root: Node) -> ast.expr:
        """A plain number as the result: a tensor of whole numbers, where it comes from a shape and is a whole one."""
        if isinstance(root, Number) or not is_whole(root):
            return self._number(root)
        make = functools.partial(torch.tensor, dtype=torch.int64, device=self.environment.device)
        return self._call("tensor of a shape", make, [self.lower(root)], {}, root.span)

    def _index(self, node: Index) -> ast.expr:
        parts = [self._index_item(item) for item in node.items]
        index = parts[0] if len(parts) == 1 else _at(ast.Tuple(parts, ast.Load()), node.span)
        selects = any(not isinstance(part, (int, slice, EllipsisType, NoneType)) for part in node.items)
        if selects and self.environment.device.type == "meta":
            return self._call("index on meta", _indexed_on_meta, [self.lower(node.value), index], {}, node.span)
        return _at(ast.Subscript(self.lower(node.value), index, ast.Load()), node.span)

    def _index_item(self, item: IndexItem) -> ast.expr:
        match item:
            case slice():
                bounds = (
                    None if part is None else self._index_item(part) for part in (item.start, item.stop, item.step)
                )
                return ast.Slice(*bounds)
            case None | int() | EllipsisType():
                return ast.Constant(item)
            case ListOf() if is_numbers(item):
                return self._constant(self._tensor(_numbers(item), item.span, dtype=None), item.span)
            case _:
                dtype = stays_whole(item, None)
                return self._whole(item, dtype) if dtype else self.lower(item)

    def _constant(self, value: Any, span: Span) -> ast.expr:
        name = f"constant {len(self.names)}"
        self.names[name] = value
        return _at(ast.Name(name, ast.Load()), span)

    def _compute(self, node: Node) -> Any:
        record, self.record = self.record, None  # what is computed once is one constant to a recorder
        function = self._compile(self._lower(node), ())
        self.record = record
        try:
            return function()
        except Exception as error:  # whatever PyTorch raises
            raise located(error, self.expression, {}) from error

    def _tensor(self, numbers: Any, span: Span, *, dtype: torch.dtype | None) -> torch.Tensor:
        try:
            return torch.tensor(numbers, dtype=dtype, device=self.environment.device)
        except (ValueError, TypeError) as error:
            message = "the rows of this list have different lengths"
            raise ExpressionError("shape", message, source=self.expression.source, span=span) from error
        except RuntimeError as error:  # a whole number beyond 64 bits
            raise located(error, self.expression, {}) from error


def _fixed_nodes(root: Node) -> set[int]:
    """The ids of the nodes to compute once: calls and operations that depend on no variable and draw nothing."""
    varying: set[int] = set()
    fixed: set[int] = set()
    for node in postorder(root):
        random = isinstance(node, Call) and node.function.form == "random"
        if isinstance(node, Variable) or random or any(id(child) in varying for child in children(node)):
            varying.add(id(node))
        elif not isinstance(node, Number):
            fixed.add(id(node))
    return fixed


def _own_names(root: Node, fixed: set[int]) -> dict[tuple[int, int] | None, list[Reference]]:
    """A use of each name that stands for an operation, in the order in which they are given.

    They are listed by the call of a function, by its ``numbers``, that gives them; None for the program itself.
    """
    nodes = list(postorder(root))
    uses = {node.number: node for node in nodes if isinstance(node, Reference) and id(node.value) not in fixed}
    calls = sorted({node.numbers for node in nodes if isinstance(node, Application)}, key=lambda n: (n[0], -n[1]))
    found: dict[tuple[int, int] | None, list[Reference]] = {None: []}
    inside: list[tuple[int, int]] = []
    at = 0
    for number in sorted(uses):
        while at < len(calls) and calls[at][0] <= number:
            inside.append(calls[at])
            at += 1
        while inside and inside[-1][1] < number:
            inside.pop()
        found.setdefault(inside[-1] if inside else None, []).append(uses[number])
    return found


def _at(node: _E, span: Span) -> _E:
    """The Python node with its place in our source: its columns count characters."""
    node.lineno = node.end_lineno = 1
    node.col_offset, node.end_col_offset = span
    return node


def _local(node: Reference) -> str:
    """The name in the function that is made: the program may give one name several times."""
    return f"{node.name} {node.number}"


def _indexed_on_meta(tensor: torch.Tensor, index: Any) -> torch.Tensor:
    """An indexed tensor without storage: a mask, which has no values there, selects all that it can."""
    items = index if isinstance(index, tuple) else (index,)
    whole = tuple(
        torch.zeros(item.numel(), dtype=torch.int64, device="meta")
        if isinstance(item, torch.Tensor) and item.dtype == torch.bool
        else item
        for item in items
    )
    for item in items:
        if isinstance(item, torch.Tensor) and item.dtype == torch.bool and item.dim() != 1:
            shape = (item.numel(), *tensor.shape[item.dim() :])
            return tensor.new_empty(shape)
    return tensor[whole]


def _numbers(node: Any) -> Any:
    return node.value if isinstance(node, Number) else [_numbers(item) for item in node.items]


@functools.cache
def resolve(path: str) -> Callable[..., Any]:
    """The PyTorch function at a path of the table, such as ``torch.linalg.solve``."""
    module, *names = path.split(".")
    found: Any = builtins if module == "builtins" else torch
    for name in names:
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]


def _part_of_pair(pair: Any, index: int) -> Any:
    if isinstance(pair, torch.Tensor) or not hasattr(pair, "values"):  # unbind, split and chunk give plain tuples
        raise GdcliError("evaluation", "only a result with values and indices has .values and .indices")
    return pair[index]
