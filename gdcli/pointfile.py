"""Points from a file or a stream, in CSV or JSON lines, a chunk at a time. No torch here.

CSV has a header with the names of the variables; ``x[0]`` and ``W[0,1]`` name elements, and a cell is a number. A line
of JSON is an object such as ``{"x": 1, "y": [2, 3]}``. Blank lines are skipped.
"""

from __future__ import annotations

import csv
import functools
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from gdcli.cells import TOO_LARGE, BadLineError, Shape, cells_of, delimiter_of, flat, number_of, short_cell
from gdcli.errors import GdcliError, MissingVariableError
from gdcli.lang.nodes import Expression, Variable, postorder
from gdcli.lang.suggest import did_you_mean, variables_listed
from gdcli.lines import Lines

PointFormat = Literal["csv", "jsonl"]
Shapes = tuple[Shape, ...]
"""The shape of each variable of a point, in the order of the expression."""

_ENDINGS: dict[str, PointFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_LABEL = re.compile(r"(?P<name>\w+)\s*(?:\[(?P<index>\s*\d{1,9}\s*(?:,\s*\d{1,9}\s*)*)\])?")
_DECODER = msgspec.json.Decoder(dict[str, Any])


@dataclass(slots=True)
class Group:
    """Points of one shape: the position of each in its chunk, and its numbers, those of all variables concatenated."""

    positions: list[int] = field(default_factory=list)
    numbers: list[list[float]] = field(default_factory=list)


@dataclass(slots=True)
class Chunk:
    """Consecutive points: the line of each, the errors of the bad ones, and the others grouped by their shapes."""

    lines: list[int] = field(default_factory=list)
    bad: dict[int, str] = field(default_factory=dict)
    groups: dict[Shapes, Group] = field(default_factory=dict)


class PointFile:
    """The points of a file, or of standard input for ``-``: iterate over it for chunks.

    ``variables`` are those of the expression that the file must provide, ``format`` is "csv" or "jsonl", and ``shapes``
    those of every point where the header determines them (CSV), else None.
    """

    def __init__(self, path: str, expression: Expression, given: Mapping[str, Any]) -> None:
        """Open the file and determine the format of its points.

        Raises:
            OutsideError: when it cannot be read.
            GdcliError: for a header that does not match the expression, or a file without any point.
            MissingVariableError: for a variable that neither the header nor ``given`` has.
        """
        self.name = "standard input" if path == "-" else path
        self.variables = tuple(name for name in expression.variables if name not in given)
        if not self.variables:
            message = f"every variable already has a value, so there is nothing to read from {self.name}"
            raise GdcliError("points", message, "give a value in the file or as an option, not both")
        self._given = frozenset(given)
        self._lines = Lines(path)
        try:
            first = self._first_line()
            self.format = _ENDINGS.get(Path(path).suffix.lower()) or _sniffed(first)
            if self.format == "jsonl":
                self._check_json_lines(first)
                self._columns = None
            else:
                self._columns = _Columns(self._next_header(first), self.name, self.variables, expression, self._given)
        except BaseException:
            self.close()
            raise

    @property
    def shapes(self) -> Shapes | None:
        """The shapes of every point, where they are known in advance."""
        return None if self._columns is None else self._columns.shapes

    @property
    def progress(self) -> tuple[int, int | None]:
        """The number of bytes read, and the total (None when unknown)."""
        return self._lines.position, self._lines.size

    @property
    def ended(self) -> bool:
        """Whether every point was returned."""
        return self._lines.ended

    def chunks(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[Chunk]:
        """The points, in order. It ends early when ``stopped``, called between chunks and while waiting, returns True.

        Raises:
            OutsideError: when reading the file fails.
        """
        while not stopped() and (lines := self._lines.some(stopped)):
            if (chunk := self._chunk(lines)).lines:
                yield chunk

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _first_line(self) -> bytes:
        """The first line that is not blank, which is not consumed."""
        while (line := self._lines.peek()) is not None:
            if line.strip():
                return line
            self._lines.skip()
        return b""

    def _next_header(self, first: bytes) -> str:
        if not first:
            raise GdcliError("points", f"{self.name} is empty: there are no points", 'for example: a header "x,y"')
        self._lines.skip()
        return first.decode(errors="replace")

    def _check_json_lines(self, first: bytes) -> None:
        if first.lstrip().startswith(b"["):
            message = f"{self.name} is a single JSON list, but each line must hold one point"
            hint = (
                f"jq -c '.[]' {self.name} writes one line for each point"
                if self._lines.is_named
                else "convert it with jq -c '.[]'"
            )
            raise GdcliError("points", message, hint)

    def _chunk(self, lines: list[tuple[int, bytes | None]]) -> Chunk:
        chunk = Chunk()
        read = self._columns.point if self._columns is not None else self._json_point
        for number, line in lines:
            if line is not None and not line.strip():
                continue
            position = len(chunk.lines)
            chunk.lines.append(number)
            try:
                shapes, numbers = read(line)
            except BadLineError as error:
                chunk.bad[position] = str(error)
                continue
            group = chunk.groups.get(shapes)
            if group is None:
                group = chunk.groups[shapes] = Group()
            group.positions.append(position)
            group.numbers.append(numbers)
        return chunk

    def _json_point(self, line: bytes | None) -> tuple[Shapes, list[float]]:
        point = _decoded(line)
        if len(point) != len(self.variables) or any(name not in point for name in self.variables):
            point = self._named(point)
        values = [point[name] for name in self.variables]
        if all(type(value) is float for value in values):
            return _numbers(len(values)), values
        shapes, numbers = [], []
        for name, value in zip(self.variables, values, strict=True):
            shape, found = flat(name, value)
            shapes.append(shape)
            numbers += found
        return tuple(shapes), numbers

    def _named(self, point: dict[str, Any]) -> dict[str, Any]:
        """The point by the names that Python gives its variables (NFKC), once it has all of them and no other."""
        point = {unicodedata.normalize("NFKC", name): value for name, value in point.items()}
        for name in point:
            if name in self._given:
                raise BadLineError(f"'{name}' already has a value, from --{name}")
            if name not in self.variables:
                raise BadLineError(f"'{name}' is not a variable of the expression")
        for name in self.variables:
            if name not in point:
                raise BadLineError(f"the variable '{name}' has no value")
        return point


def check(path: str, expression: Expression, given: Mapping[str, Any]) -> None:
    """Check a file and its header; a stream can be read only once, so it is not checked.

    Raises:
        GdcliError: what opening it would raise.
    """
    if path != "-" and (not Path(path).exists() or Path(path).is_file()):
        PointFile(path, expression, given).close()


@functools.cache
def _numbers(count: int) -> Shapes:
    return ((),) * count


def _sniffed(first: bytes) -> PointFormat:
    return "jsonl" if first.lstrip()[:1] in (b"{", b"[") else "csv"


def _decoded(line: bytes | None) -> dict[str, Any]:
    if line is None:
        raise BadLineError("the line is too long")
    try:
        return _DECODER.decode(line)
    except msgspec.ValidationError as error:
        if "out of range" in str(error):
            raise BadLineError(TOO_LARGE.format("a number")) from None
        raise BadLineError('it is not a JSON object such as {"x": 1}') from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadLineError(f"it is not valid JSON: {str(error).removeprefix('JSON is malformed: ')}") from None
    except RecursionError:
        raise BadLineError("its lists are nested too deeply") from None


class _Columns:
    """The columns of a CSV file: which element of which variable each one holds."""

    def __init__(
        self, header: str, name: str, variables: Sequence[str], expression: Expression, given: frozenset[str]
    ) -> None:
        self.delimiter = delimiter_of(header)
        try:
            labels = [label.strip() for label in next(csv.reader([header], delimiter=self.delimiter))]
        except csv.Error as error:
            raise GdcliError("points", f"the header of {name} cannot be read: {error}") from None
        places: dict[str, dict[Shape, int]] = {}
        for place, label in enumerate(labels):
            variable, index = _read_label(label, name)
            _check_column(variable, name, variables, expression, given)
            if index in places.setdefault(variable, {}):
                raise GdcliError("points", f"the header of {name} names '{label}' twice", "keep one of the columns")
            places[variable][index] = place
        for node in postorder(expression.root):
            if isinstance(node, Variable) and node.name in variables and node.name not in places:
                hint = f"add a column to {name}, or use one value for all points: --{node.name} 1"
                raise MissingVariableError(node.name, hint, source=expression.source, span=node.span)
        self.labels = labels
        self.shapes = tuple(_grid(variable, places[variable], name) for variable in variables)
        self._order = [places[variable][index] for variable in variables for index in sorted(places[variable])]
        self._in_order = self._order == list(range(len(labels)))

    def point(self, line: bytes | None) -> tuple[Shapes, list[float]]:
        """The numbers of a line.

        Raises:
            BadLineError: for a line with a different number of cells than the header, or a cell that is not a number.
        """
        if line is None:
            raise BadLineError("the line is too long")
        cells = cells_of(line, self.delimiter)
        if len(cells) != len(self.labels):
            raise BadLineError(f"it has {_count(len(cells), 'cell')}, but the header has {len(self.labels)}")
        try:
            numbers = [float(cell) for cell in cells]
        except ValueError:
            numbers = []
        if not numbers or math.inf in numbers or -math.inf in numbers:
            numbers = [number_of(*pair) for pair in zip(self.labels, cells, strict=True)]
        return self.shapes, numbers if self._in_order else [numbers[place] for place in self._order]


def _read_label(label: str, name: str) -> tuple[str, Shape]:
    """The variable and the index of ``x``, ``x[0]`` or ``W[0,1]``."""
    found = _LABEL.fullmatch(label)
    if not found or not found["name"].isidentifier():
        shown = f"'{short_cell(label)}' is not a name" if label else "a name is empty"
        message = f"the first line of {name} must name the variables, but {shown}"
        raise GdcliError("points", message, "for example: x,y, or x[0],x[1] for the elements of a vector")
    index = tuple(int(number) for number in found["index"].split(",")) if found["index"] else ()
    return unicodedata.normalize("NFKC", found["name"]), index


def _check_column(
    variable: str, name: str, variables: Sequence[str], expression: Expression, given: frozenset[str]
) -> None:
    if variable in given:
        message = f"the variable '{variable}' is given twice: by --{variable} and by a column of {name}"
        raise GdcliError("points", message, "keep one of them")
    if variable not in variables:
        hint = did_you_mean(variable, variables) or variables_listed(expression.variables)
        raise GdcliError("points", f"the column '{variable}' of {name} is not a variable of the expression", hint)


def _grid(variable: str, places: Mapping[Shape, int], name: str) -> Shape:
    """The shape of the tensor that these elements form."""
    dimensions = {len(index) for index in places}
    if len(dimensions) > 1:
        message = f"the columns of {name} give the variable '{variable}' several shapes"
        raise GdcliError("points", message, f"name every element: {variable}[0], {variable}[1]")
    shape = tuple(max(index[d] for index in places) + 1 for d in range(dimensions.pop()))
    if math.prod(shape) != len(places):
        missing = next(i for i in _indices(shape) if i not in places)
        label = f"{variable}[{','.join(map(str, missing))}]"
        raise GdcliError("points", f"{name} has no column '{label}'", "every element of a tensor needs a column")
    return shape


def _indices(shape: Shape) -> Iterator[Shape]:
    """Every index of a shape, the last dimension first; the shape may be larger than memory."""
    for place in range(math.prod(shape)):
        index, rest = [], place
        for size in reversed(shape):
            rest, i = divmod(rest, size)
            index.append(i)
        yield tuple(reversed(index))


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
