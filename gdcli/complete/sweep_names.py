"""What the axes of a sweep may change: a start, a learning rate, a parameter of the rule, or the seed."""

from __future__ import annotations

import json
import math
import shlex
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gdcli.complete.axes import AxisWords
from gdcli.complete.sources import stays
from gdcli.contract.envelope import listed
from gdcli.contract.fields import Nested
from gdcli.contract.sweep import AxisKind, SweepAxis, SweepSettings
from gdcli.errors import GdcliError
from gdcli.lang.arrays import Array
from gdcli.lang.limits import known_shapes
from gdcli.lang.nodes import Call, Expression, ListOf, Node, Number, Static, Variable, postorder
from gdcli.lang.shapes import Shape
from gdcli.lang.suggest import lookalike, setting_meant
from gdcli.lang.values import Bound, is_whole
from gdcli.rules.catalogue import RULES
from gdcli.rules.parameters import OWN_OPTIONS
from gdcli.rules.row import RuleRow

OFFERED = (
    "manual", "manual-momentum", "manual-nesterov", "manual-adam", "manual-rmsprop", "sgd", "adam", "adamw", "amsgrad",
    "nadam", "radam", "adamax", "adagrad", "adadelta", "rmsprop", "rprop", "asgd", "newton",
)  # fmt: skip
"""The rules that sweep offers: those with steps for many runs, in ``batch/elementwise.py`` and ``batch/newton.py``."""
_MOST_NUMBERS = 10_000  # of a variable of which an axis changes one


class Known(NamedTuple):
    """The expression of a sweep, the variables of it that move, and the value of each variable, parsed."""

    expression: Expression
    moving: list[str]
    values: Mapping[str, Bound]

    @property
    def variables(self) -> tuple[str, ...]:
        """All variables."""
        return self.expression.variables


def sweep_axis(words: AxisWords, settings: SweepSettings, known: Known) -> SweepAxis:
    """The axis that the words name.

    Raises:
        GdcliError: for a name that is none, that stays, or that is not one number.
    """
    row = RULES[settings.optimizer]
    target: tuple[AxisKind, str, tuple[int, ...]]
    if words.is_rate:
        target = ("lr of a variable", _rate(words, row, known), ())
    elif words.base in ("lr", "seed"):
        if words.index is not None:
            raise GdcliError("axis", f"{words.base} is one number", f"write {words.option(words.base)}")
        target = ("lr" if words.base == "lr" else "seed", words.base, ())
    elif names_an_option(words, row) or (words.base in row.parameters and words.base not in known.variables):
        target = ("parameter", words.base, _place_of_parameter(words, row))
    elif words.base in known.variables:
        target = ("start", words.base, _place_of_start(words, known))
    else:
        raise _unknown(words, row, known)
    kind, name, index = target
    return SweepAxis(
        name=words.name,
        kind=kind,
        target=name,
        index=index,
        low=words.low,
        high=words.high,
        count=words.count,
        log=words.log,
        listed=words.listed,
    )


def names_an_option(words: AxisWords, row: RuleRow) -> bool:
    """Whether an axis has the name of an option that sets a number of a descent, which no variable's name hides."""
    own = (*OWN_OPTIONS, "lr", "seed")
    return not words.is_rate and words.base in own and (words.base in row.parameters or words.base in ("lr", "seed"))


def _rate(words: AxisWords, row: RuleRow, known: Known) -> str:
    """The variable whose learning rate changes."""
    if words.base not in known.moving:
        raise _unknown(words, row, known)
    if words.index is not None:
        message = f"the elements of {words.base} have one learning rate"
        raise GdcliError("axis", message, f"write {words.option(f'lr.{words.base}')}")
    return words.base


def _place_of_parameter(words: AxisWords, row: RuleRow) -> tuple[int, ...]:
    """Which number of a parameter changes."""
    name, usual = words.base, row.parameters[words.base]
    if isinstance(usual, bool):
        flag = f"--{name.replace('_', '-')}" if name in (*OWN_OPTIONS, "maximize") else f"--opt {name}=true"
        raise GdcliError("axis", f"{name} is true or false, and an axis has numbers", f"set it for all runs: {flag}")
    if isinstance(usual, tuple):
        elements = [f"{name}[{i}]" for i in range(len(usual))]
        if words.index is None or len(words.index) != 1 or not 0 <= words.index[0] < len(usual):
            message = f"{name} of {row.name} has {len(usual)} numbers, {listed(elements)}, and an axis changes one"
            raise GdcliError("axis", message, f"for example: {words.option(elements[0])}")
        return words.index
    if words.index is not None:
        raise GdcliError("axis", f"{name} of {row.name} is one number", f"write {words.option(name)}")
    return ()


def _place_of_start(words: AxisWords, known: Known) -> tuple[int, ...]:
    """Which element of a variable changes."""
    name = words.base
    if name not in known.moving:
        raise _stays(name, known)
    for other, drawn in known.values.items():
        if name in _names_in(drawn):
            message = f"the program computes {other} from {name}, so {name} alone is no axis"
            raise GdcliError("axis", message, f"give {other} its own numbers: --{other} 1")
    value = known.values[name]
    shape = shape_of_value(value)
    if words.index is None:
        if shape:
            element = f"{name}[{','.join('0' * len(shape))}]"
            message = f"{name} has shape {shape}, and an axis changes one element of it"
            raise GdcliError("axis", message, f"for example: {words.option(element)}")
        return ()
    if shape == ():
        raise GdcliError("axis", f"{name} is one number, so it has no element {_brackets(words.index)}",
                         f"write {words.option(name)}")  # fmt: skip
    if shape is None or numbers_of_value(value) is None:
        message = f"the numbers of {name} are not known before the run, and an axis changes one of them"
        zeros = json.dumps(_filled(shape, 0), separators=(",", ":")) if shape and math.prod(shape) < 10 else "0,0"
        raise GdcliError("axis", message, f"write its numbers, for example: --{name} {shlex.quote(zeros)}")
    if len(words.index) != len(shape):
        element = f"{name}[{','.join('0' * len(shape))}]"
        message = f"{name} has shape {shape}, so {_brackets(words.index)} is not one element of it"
        raise GdcliError("axis", message, f"for example: {words.option(element)}")
    place = tuple(i + n if i < 0 else i for i, n in zip(words.index, shape, strict=True))
    if not all(0 <= i < n for i, n in zip(place, shape, strict=True)):
        last = _brackets(tuple(n - 1 for n in shape))
        message = f"{name} has no element {_brackets(words.index)}: the last one is {last}"
        raise GdcliError("axis", message, f"for example: {words.option(f'{name}{last}')}")
    return place


def _brackets(index: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, index))}]"


def _stays(name: str, known: Known) -> GdcliError:
    """The error for a variable that does not move."""
    moving = ",".join(each for each in known.variables if each in known.moving or each == name)
    message, hint = f"{name} stays, and an axis changes where a variable starts", f"have it move: --wrt {moving}"
    value = known.values[name]
    if stays(value):
        message = f"{name} stays, because its value comes from a file"
    elif is_whole(value):
        message, hint = f"{name} stays, because it has whole numbers", f"what moves is {listed(known.moving)}"
    return GdcliError("axis", message, hint)


def _unknown(words: AxisWords, row: RuleRow, known: Known) -> GdcliError:
    """The error for a name that is none of a sweep."""
    names = list(_names(row, known))
    others = [
        rule for rule in OFFERED if words.base in RULES[rule].parameters and words.base not in ("maximize", "nesterov")
    ]
    if others and not words.is_rate:
        others.sort(key=lambda rule: bool(RULES[rule].path) != bool(row.path))
        more = f"; {listed(others[1:])} {'has' if len(others) == 2 else 'have'} it too" if others[1:] else ""
        return GdcliError("axis", f"{row.name} has no {words.base.replace('_', ' ')} to sweep over",
                          f"add --optimizer {others[0]}{more}")  # fmt: skip
    if words.base in SweepSettings.__struct_fields__ and not words.is_rate:
        message = f"{words.base.replace('_', ' ')} is no axis: it is the same in all runs of a sweep"
        return GdcliError("axis", message, f"an axis is one of {', '.join(names)}")
    near = next(filter(None, (lookalike(words.name, [name]) or lookalike(name, [words.name]) for name in names)), "")
    meant = None if near else setting_meant(words.name, names)
    hint = near or (f"did you mean '{meant}'?" if meant else f"an axis is one of {', '.join(names)}")
    what = f"'{words.name}' is no axis: it is no variable, no learning rate, no parameter of {row.name} and not seed"
    return GdcliError("axis", what, hint)


def _names(row: RuleRow, known: Known) -> Iterator[str]:
    """The names that an axis may have, with those of whole variables."""
    for name in known.moving:
        shape = shape_of_value(known.values[name]) if name in known.values else ()
        yield f"{name}[{','.join('0' * len(shape))}]" if shape else name
    yield "lr"
    if len(known.moving) > 1:
        yield from (f"lr.{name}" for name in known.moving)
    for name, usual in row.parameters.items():
        if isinstance(usual, tuple):
            yield from (f"{name}[{i}]" for i in range(len(usual)))
        elif not isinstance(usual, bool) and usual is not None:
            yield name
    yield "seed"


def shape_of_value(value: Bound) -> Shape | None:
    """The shape of the value of a variable; None where it is not known before the run."""
    if isinstance(value, Array):
        return value.shape
    if _names_in(value):
        return None
    return known_shapes(value.root, {})[id(value.root)]


def _names_in(value: Bound) -> set[str]:
    """The other variables of a program from which a value is computed."""
    if isinstance(value, Array):
        return set()
    return {node.name for node in postorder(value.root) if isinstance(node, Variable)}


def numbers_of_value(value: Bound) -> Nested:
    """The numbers of the value of a variable, nested; None where they are not known before the run, or very many."""
    shape = shape_of_value(value)
    if shape is None or not 0 < math.prod(shape) <= _MOST_NUMBERS:
        return None
    if isinstance(value, Array):
        return _numbers_of_array(value)
    return _numbers_of_node(value.root)


def _numbers_of_node(node: Node) -> Nested:
    match node:
        case Number(value=value):
            return float(value)
        case ListOf(items=items):
            rows = [_numbers_of_node(item) for item in items]
            return None if any(row is None for row in rows) else rows
        case Call(function=function, arguments=[only]) if function.usual == "tensor":
            return None if isinstance(only.value, (tuple, Static)) else _numbers_of_node(only.value)
        case Call(function=function, arguments=arguments) if function.usual in _FILLED:
            given: dict[str, Any] = {
                a.parameter.name: a.value.value for a in arguments if isinstance(a.value, (Static, Number))
            }
            fill = given.pop("fill_value", _FILLED[function.usual])
            shape = given.pop("size", None)
            if not given and isinstance(shape, tuple) and isinstance(fill, (int, float)):
                return _filled(shape, float(fill))
    return None


_FILLED = {"zeros": 0.0, "ones": 1.0, "full": None}


def _filled(shape: tuple[int, ...], number: float) -> Nested:
    return [_filled(shape[1:], number) for _ in range(shape[0])] if shape else number


def _numbers_of_array(array: Array) -> Nested:
    """The numbers of an array of a known dtype, the last index first."""
    codes = {"float64": "d", "float32": "f", "int64": "q", "int32": "i"}
    if array.dtype not in codes or array.columns_first:
        return None
    numbers = struct.unpack(f"{math.prod(array.shape)}{codes[array.dtype]}", array.numbers)
    return _nested(array.shape, iter(numbers))


def _nested(shape: Shape, numbers: Iterator[float]) -> Nested:
    return [_nested(shape[1:], numbers) for _ in range(shape[0])] if shape else float(next(numbers))
