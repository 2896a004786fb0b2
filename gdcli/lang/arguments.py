"""Binding the arguments of a call to the parameters of its function, each read as its kind says."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NoReturn, Protocol

from msgspec.structs import replace

from gdcli.lang.functions import FUNCTIONS
from gdcli.lang.functions.modules import Module
from gdcli.lang.nodes import Argument, ListOf, Node, Number, Span, Static, is_numbers, is_shape
from gdcli.lang.signature import Function, Parameter
from gdcli.lang.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FLOAT_DTYPES = ("float64", "float32", "float16", "bfloat16", "double", "float")
DTYPES = (*FLOAT_DTYPES, "int64", "long", "int32", "int", "bool")

# PyTorch also accepts NumPy's names, except in torch.nn.functional.
_NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}


# What is meant by two operands of a function whose second argument is a dimension.
OF_TWO = {
    "max": "for the larger of two, write maximum(a, b)",
    "min": "for the smaller of two, write minimum(a, b)",
    "sum": "for the sum of two, write a + b",
    "prod": "for the product of two, write a * b",
    "mean": "for the mean of two, write (a + b)/2",
}


class Reader(Protocol):
    """What an ArgumentReader needs from the reader of expressions."""

    source: str

    def node(self, node: ast.expr) -> Node:
        """Read an expression."""

    def span(self, node: ast.AST) -> Span:
        """The range of its characters in the source."""

    def spelled(self, node: ast.expr) -> str:
        """A chain of plain names, as the functions of the table are spelled."""

    def whole_number(self, node: ast.expr, what: str, hint: str = "", *, or_shape: bool = False) -> int | Node:
        """Read an integer; ``what`` names it in the error message, and ``hint`` is for anything else."""

    def fail(self, code: str, message: str, place: ast.AST | Span, hint: str = "") -> NoReturn:
        """Raise the error at its place."""


class ArgumentReader:
    """Reads the arguments of calls."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def settings(self, module: Module, call: ast.Call) -> dict[str, Argument]:
        """The arguments of a module of torch.nn when it is made, by the names that its function gives to them."""
        function = FUNCTIONS[module.function]
        parameters = {p.name: p for p in function.parameters if p.name in (*module.by_position, *module.by_name)}
        if len(call.args) > len(module.by_position):
            message = f"the module takes {_count(len(module.by_position), 'argument')} without a name"
            self.reader.fail("arity", message, call.args[len(module.by_position)], self._made_with(module))
        bound: dict[str, Argument] = {}
        for name, value in zip(module.by_position, call.args, strict=False):
            bound[name] = Argument(parameters[name], self._value(function, parameters[name], value), True)
        self._keywords(function, call, bound, parameters)
        return bound

    def _made_with(self, module: Module) -> str:
        names = (*module.by_position, *module.by_name)
        return f"it takes {', '.join(names)}" if names else "it takes none"

    def read(
        self,
        function: Function,
        call: ast.Call,
        name_span: Span,
        subject: ast.expr | None,
        settings: Mapping[str, Argument] | None = None,
    ) -> tuple[Argument, ...]:
        """The arguments, in order; ``subject`` is the ``x`` of ``x.f()``, ``settings`` are those of a module."""
        bound: dict[str, Argument] = dict(settings or {})
        if subject is not None:
            bound[function.subject.name] = Argument(
                function.subject, self._value(function, function.subject, subject), False
            )
        remaining = iter([p for p in function.parameters if not p.keyword_only and p.name not in bound])
        values = iter(call.args)
        for value in values:
            parameter = next(remaining, None)
            if parameter is None:
                self._too_many(function, len(call.args) + (subject is not None), value)
            bound[parameter.name] = Argument(parameter, self._positional(function, parameter, value, values), False)
        self._keywords(function, call, bound, {p.name: p for p in function.parameters if p.kind != "operands"})
        missing = [p.name for p in function.parameters if p.required and p.name not in bound]
        if missing:
            what = f"the argument '{missing[0]}'" if bound else f"{_count(len(missing), 'argument')}"
            self.reader.fail("arity", f"{function.name} needs {what}", name_span, f"write {function.usage}")
        self._check_pad(function, bound)
        if settings:
            return tuple(sorted(bound.values(), key=lambda argument: argument.by_keyword))
        return tuple(bound.values()) if subject is None else _in_order(function, bound)

    def _check_pad(self, function: Function, bound: dict[str, Argument]) -> None:
        """Refuse a circular pad of a negative size, for which PyTorch reads memory that is not the tensor's."""
        mode, sizes = (getattr(bound.get(name), "value", None) for name in ("mode", "pad"))
        if function.name != "pad" or not isinstance(mode, Static) or not isinstance(sizes, Static):
            return
        if mode.value == "circular" and isinstance(sizes.value, tuple) and min(sizes.value, default=0) < 0:
            hint = "to leave out elements, index: x[1:-1]"
            self.reader.fail("argument", "a circular pad cannot have a negative size", sizes.span, hint)

    def _too_many(self, function: Function, given: int, value: ast.expr) -> NoReturn:
        takes = sum(not p.keyword_only for p in function.parameters)
        message = f"{function.name} takes {_count(takes, 'argument')}, but {given} were given"
        self.reader.fail("arity", message, value, f"write {function.usage}")

    def _positional(
        self, function: Function, parameter: Parameter, value: ast.expr, following: Iterator[ast.expr]
    ) -> Node | Static | tuple[Node, ...]:
        if parameter.kind == "operands":
            operands = [value, *following]
            if len(operands) == 1 and isinstance(value, (ast.List, ast.Tuple)):
                operands = value.elts
            return tuple(self.reader.node(item) for item in operands)
        several = parameter.kind == "sizes" or (parameter.kind == "ints" and parameter is function.parameters[-1])
        if several and not isinstance(value, (ast.List, ast.Tuple)) and not _is_none(value):
            rest = list(following) if parameter.kind == "sizes" else []
            if rest:
                return self._sizes(function, parameter, (value, *rest))
        return self._value(function, parameter, value)

    def _keywords(
        self, function: Function, call: ast.Call, bound: dict[str, Argument], parameters: Mapping[str, Parameter]
    ) -> None:
        for keyword in call.keywords:
            start, end = self.reader.span(keyword)
            name = keyword.arg
            if name is None:
                self.reader.fail("syntax", "'**' arguments are not part of the expression language", (start, end))
            place = (start, start + len(self.reader.source[start:end].partition("=")[0].rstrip()))
            numpy_name = _NUMPY_NAMES.get(name) in parameters and not function.path.startswith("torch.nn.")
            name = _NUMPY_NAMES[name] if numpy_name else name
            if name not in parameters:
                hint = did_you_mean(name, parameters) or f"write {function.usage}"
                if name == "requires_grad":
                    hint = "gdcli sets requires_grad itself; --wrt selects the variables"
                self.reader.fail("arity", f"{function.name} has no argument '{name}'", place, hint)
            if name in bound:
                self.reader.fail("arity", f"{function.name} got multiple values for the argument '{name}'", place)
            bound[name] = Argument(parameters[name], self._value(function, parameters[name], keyword.value), True)

    def _value(self, function: Function, parameter: Parameter, value: ast.expr) -> Node | Static | tuple[Node, ...]:
        """The argument, read according to the kind of its parameter."""
        span = self.reader.span(value)
        if _is_none(value) and not parameter.required:
            return Static(None, span)
        match parameter.kind:
            case "tensor" | "either" | "any" | "index" | "labels":
                return self.reader.node(value)
            case "data" | "lists":
                return self._data(function, parameter, value)
            case "number":
                return self._number(function, parameter, value)
            case "int":
                whole = self._int(function, parameter, value)
                return Static(whole, span) if isinstance(whole, int) else whole
            case "ints" | "sizes":
                return self._ints(function, parameter, value)
            case "bool" | "text":
                return self._constant(function, parameter, value)
            case "tensors":
                if not isinstance(value, (ast.List, ast.Tuple)):
                    self._wrong(function, parameter, "a list of tensors, such as [x, y]", value)
                return tuple(self.reader.node(item) for item in value.elts)
            case "dtype":
                return self._dtype(function, parameter, value)
            case "choice":
                return self._choice(function, parameter, value)
            case kind:
                raise NotImplementedError(f"a parameter of kind {kind!r}")

    def _number(self, function: Function, parameter: Parameter, value: ast.expr) -> Node | Static:
        """A plain number, or a tensor of one number, which PyTorch takes where no gradient is asked for it."""
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return self._choice(function, parameter, value)
        node = self.reader.node(value)
        if isinstance(node, ListOf):
            self._wrong(function, parameter, "a plain number", value)
        return node

    def _constant(self, function: Function, parameter: Parameter, value: ast.expr) -> Static:
        kind, what = (bool, "True or False") if parameter.kind == "bool" else (str, "a text in quotes")
        if not (isinstance(value, ast.Constant) and isinstance(value.value, kind)):
            self._wrong(function, parameter, what, value)
        return Static(value.value, self.reader.span(value))

    def _data(self, function: Function, parameter: Parameter, value: ast.expr) -> Node:
        node = self.reader.node(value)
        if parameter.kind == "lists" and isinstance(node, Number):
            message = f"{function.name} of a number is a tensor of this size with any numbers in it"
            self.reader.fail(
                "argument", message, value, "write torch.zeros(3) for a size, torch.tensor(3) for a number"
            )
        if not is_numbers(node):
            message = f"{function.name} takes only numbers: it would detach a variable from the graph"
            self.reader.fail("argument", message, value, "write [x, y] or stack([x, y])")
        return node

    def _int(self, function: Function, parameter: Parameter, value: ast.expr, *, or_shape: bool = False) -> int | Node:
        hint = OF_TWO.get(function.name, "") if parameter.name == "dim" else ""
        return self.reader.whole_number(value, f"'{parameter.name}' of {function.name}", hint, or_shape=or_shape)

    def _ints(self, function: Function, parameter: Parameter, value: ast.expr) -> Node | Static | tuple[Node, ...]:
        if isinstance(value, (ast.List, ast.Tuple)):
            return self._sizes(function, parameter, value.elts, self.reader.span(value))
        whole = self._int(function, parameter, value, or_shape=True)
        if not isinstance(whole, int):
            is_one_of_several = parameter.kind == "sizes" and not is_shape(whole)
            return (whole,) if is_one_of_several else whole
        return Static((whole,) if parameter.kind == "sizes" else whole, self.reader.span(value))

    def _sizes(
        self, function: Function, parameter: Parameter, items: Sequence[ast.expr], span: Span | None = None
    ) -> Static | tuple[Node, ...]:
        """Several whole numbers: as they are, or as nodes where one is known only when the expression runs."""
        whole = [self._int(function, parameter, item) for item in items]
        if all(isinstance(each, int) for each in whole):
            return Static(tuple(whole), span or (self.reader.span(items[0])[0], self.reader.span(items[-1])[1]))
        spans = map(self.reader.span, items)
        return tuple(
            Number(each, place) if isinstance(each, int) else each for each, place in zip(whole, spans, strict=True)
        )

    def _dtype(self, function: Function, parameter: Parameter, value: ast.expr) -> Static:
        written = self.reader.source[slice(*self.reader.span(value))]
        name = (self.reader.spelled(value) or written).removeprefix("torch.")
        if name not in DTYPES:
            self._wrong(function, parameter, "a dtype, such as torch.float64", value, did_you_mean(name, DTYPES))
        return Static(name, self.reader.span(value))

    def _choice(self, function: Function, parameter: Parameter, value: ast.expr) -> Static:
        words = [*(["a plain number"] if parameter.kind == "number" else []), *(f"'{w}'" for w in parameter.choices)]
        given = value.value if isinstance(value, ast.Constant) else None
        if given not in parameter.choices:
            hint = did_you_mean(given, parameter.choices) if isinstance(given, str) else ""
            what = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
            self._wrong(function, parameter, what, value, hint)
        return Static(given, self.reader.span(value))

    def _wrong(self, function: Function, parameter: Parameter, what: str, value: ast.expr, hint: str = "") -> NoReturn:
        self.reader.fail("argument", f"'{parameter.name}' of {function.name} must be {what}", value, hint)


def _in_order(function: Function, bound: Mapping[str, Argument]) -> tuple[Argument, ...]:
    """The arguments of a method in the order of the function's parameters: ``x.where(c, y)`` is ``where(c, x, y)``.

    What comes after one that is given by its name, or left out, is given by its name too.
    """
    found: list[Argument] = []
    by_name = False
    for parameter in function.parameters:
        argument = bound.get(parameter.name)
        by_name = by_name or argument is None or argument.by_keyword
        if argument is not None:
            found.append(replace(argument, by_keyword=by_name))
    return tuple(found)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
