"""Values from JSON: nested lists at a key, or a key of every object of a list or of lines."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import re
from typing import Any

import msgspec

from gdcli.cells import BadLineError, flat
from gdcli.data.file import File
from gdcli.errors import GdcliError
from gdcli.lang.arrays import Array, Origin
from gdcli.lang.limits import MAX_ELEMENTS
from gdcli.lang.suggest import did_you_mean

_BYTE = re.compile(r" \(byte (\d+)\)")
_PATH = re.compile(r" - at `\$.*")
_FEW = 8  # keys in a hint


def read_document(file: File, selector: str | None) -> Array:
    """The numbers at a key of a JSON document; a key may lead through objects (``result.values.W``).

    Of a list of objects, it is that of each. A document whose lines are objects is read as JSON lines.

    Raises:
        GdcliError: for what is not JSON, a key that there is not, and what is not a number.
    """
    content = file.content.removeprefix(codecs.BOM_UTF8)
    if content.count(b",") > 2 * MAX_ELEMENTS:
        raise GdcliError("limit", f"{file.name} has more than {2 * MAX_ELEMENTS:,} values", "give a part of it")
    if file.kind == "jsonl":
        return _of_lines(file, content, selector)
    try:
        document = decoded(content)
    except BadJsonError as error:
        head = content.lstrip().partition(b"\n")[0].strip()
        if head.startswith(b"{") and head.endswith(b"}") and error.line > 1:  # JSON lines under another name
            return _of_lines(file, content, selector)
        place = f"line {error.line}, column {error.column} of {file.name}"
        raise GdcliError("values", f"{place} is not valid JSON: {error}") from None
    keys, value = _at(file, document, selector)
    origin = Origin(file.path, "json", names=keys, each=isinstance(document, list) and selector is not None)
    name, where = (file.name, "") if selector is None else (selector, f" in {file.name}")
    return _array(name, where, value, origin)


class BadJsonError(ValueError):
    """What is wrong with the syntax of JSON, and the line and the column of it, both counted from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def decoded(content: bytes) -> Any:
    """What a text of JSON holds; NaN and Infinity, which Python writes, are numbers.

    Raises:
        BadJsonError: for what is not JSON.
    """
    try:
        return msgspec.json.decode(content)
    except RecursionError:
        raise BadJsonError("its lists are nested too deeply") from None
    except UnicodeDecodeError as error:
        start = content.rfind(b"\n", 0, error.start) + 1
        raise BadJsonError("not UTF-8", content.count(b"\n", 0, start) + 1, error.start - start + 1) from None
    except msgspec.DecodeError as error:
        if b"NaN" in content or b"Infinity" in content:  # Python writes them
            with contextlib.suppress(ValueError, RecursionError):
                return json.loads(content)
        found = _BYTE.search(str(error))
        place = int(found[1]) if found else len(content)
        start = content.rfind(b"\n", 0, place) + 1
        message = _PATH.sub("", _BYTE.sub("", str(error))).removeprefix("JSON is malformed: ")
        column = len(content[start:place].decode(errors="replace")) + 1
        raise BadJsonError(message, content.count(b"\n", 0, start) + 1, column) from None


def _of_lines(file: File, content: bytes, selector: str | None) -> Array:
    """The values of JSON lines: the key of each, or each itself."""
    rows: dict[int, Any] = {}
    keys: tuple[str, ...] = ()
    for number, line in enumerate(io.BytesIO(content), start=1):
        if not line.strip():
            continue
        try:
            row = decoded(line)
        except BadJsonError as error:
            place = f"line {number}, column {error.column} of {file.name}"
            raise GdcliError("values", f"{place} is not valid JSON: {error}") from None
        keys, rows[number] = _at(file, row, selector, f" in line {number}")
    for number, row in rows.items():
        if bad := _bad(selector or "the value", f" in line {number} of {file.name}", row):
            raise GdcliError("values", bad)
    origin = Origin(file.path, "jsonl", names=keys)
    return _array(selector or "the lines", f" in {file.name}", list(rows.values()), origin)


def _at(file: File, document: Any, selector: str | None, where: str = "") -> tuple[tuple[str, ...], Any]:
    """The keys that a selector means, and the value that they lead to."""
    if selector is None:
        first = document[0] if isinstance(document, list) and document else document
        if isinstance(first, dict):
            message = f"{file.name} holds {'objects' if first is not document else 'an object'}{where}, not numbers"
            raise GdcliError("values", message, f"select a key: @{file.path}:{next(iter(first))}" if first else "")
        return (), document
    if isinstance(document, list):
        rows = [_at(file, row, selector, f" in item {i}") for i, row in enumerate(document)]
        return (rows[0][0] if rows else (selector,)), [value for _, value in rows]
    keys = (selector,) if isinstance(document, dict) and selector in document else tuple(selector.split("."))
    value = document
    for i, key in enumerate(keys):
        if not isinstance(value, dict) or key not in value:
            known = list(value) if isinstance(value, dict) else []
            listed = ", ".join(known[:_FEW]) + (", ..." if len(known) > _FEW else "")
            within = f" in '{'.'.join(keys[:i])}'" if i else ""
            hint = did_you_mean(key, known) or (f"its keys are {listed}" if known else "")
            raise GdcliError("values", f"{file.name} has no key '{key}'{within}{where}", hint)
        value = value[key]
    return keys, value


def _array(name: str, where: str, value: Any, origin: Origin) -> Array:
    try:
        shape, numbers = flat(f"{name}{where}", value)
    except BadLineError as error:
        raise GdcliError("values", _bad(name, where, value) or str(error)) from None
    if len(numbers) > MAX_ELEMENTS:
        message = f"{name}{where} has {len(numbers):,} numbers; the limit is {MAX_ELEMENTS:,}"
        raise GdcliError("limit", message, "give a part of it")
    return Array.of_floats(shape, numbers, origin)


def _bad(name: str, where: str, value: Any) -> str:
    """What is wrong with nested lists, at the item that is wrong: ``x[2][1] in values.json``; empty if nothing is."""
    try:
        flat(f"{name}{where}", value)
    except BadLineError as error:
        if not isinstance(value, list):
            return str(error)
        within = (_bad(f"{name}[{i}]", where, item) for i, item in enumerate(value))
        return next(filter(None, within), str(error))
    return ""
