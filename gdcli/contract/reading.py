"""Reading settings from the arguments of a command line, a config, or a Python call."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

from gdcli.contract.choices import choice_of, hint_at, unknown
from gdcli.contract.fields import fields_of
from gdcli.contract.words import EXAMPLES, read_text
from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean, typographic
from gdcli.rules.catalogue import is_own

S = TypeVar("S", bound=msgspec.Struct)


def read(settings: type[S], given: Mapping[str, Any], *, naming: str = "{}", text: bool = False) -> S:
    """Settings from unchecked values.

    ``naming`` is how an error names a key (``--{}`` on a command line), and ``text`` says that the values are strings
    from a command line, to be converted to the types of the fields.

    Raises:
        GdcliError: for an unknown key or a value of the wrong type or out of bounds.
    """
    fields = {field.encode_name: field for field in fields_of(settings)}
    keys = {field.name: key for key, field in fields.items()}  # try_ is the parameter of Python for try
    checked: dict[str, Any] = {}
    for name, value in given.items():
        key = keys.get(name, name)
        if key not in fields:
            hint = did_you_mean(key, fields) or f"the keys are {', '.join(fields)}"
            raise GdcliError("unknown-setting", f"unknown setting '{key}'", hint)
        if value is msgspec.UNSET:  # a setting of a record that says nothing
            continue
        checked[fields[key].name] = _checked(
            naming.format(key.replace("_", "-") if text else key), value, fields[key], text=text
        )
    return settings(**checked)


def _checked(name: str, value: Any, field: FieldInfo, *, text: bool) -> Any:
    kind, choices = field.type, _choices(field.type)
    if choices and isinstance(value, str):
        value = choice_of(value, choices) or value
        if value not in choices and not is_own(value):
            raise _wrong(name, value, field, text=text)
    reads = extra_of(field).get("reads", "")
    given = value if text else read_text(name, value, reads)
    try:
        converted = msgspec.convert(given, kind, strict=not text and not (reads and isinstance(value, str)))
        is_finite = _is_finite(converted)
    except msgspec.ValidationError:
        wrong = True
    except RecursionError:
        raise GdcliError("setting", f"{name} is nested too deeply") from None
    else:
        if field.name == "values":  # a JSON document has no infinity, but the language has
            return {variable: _as_text(number) for variable, number in converted.items()}
        wrong = field.name not in _CHECKS_ITSELF and not is_finite
    if wrong:
        raise _wrong(name, value, field, text=text)
    return converted


_CHECKS_ITSELF = ("lr_factor", "opt", "sched")


def _is_finite(value: Any) -> bool:
    """Whether each number in a setting is finite, so that a record can give it back."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        value = value.values()
    return isinstance(value, str) or not isinstance(value, Iterable) or all(map(_is_finite, value))


def _as_text(value: Any) -> Any:
    """The value of a variable; as text, as it is typed, where a number in it is not finite."""
    return value if _is_finite(value) else str(value).replace("'", "")


def _wrong(name: str, value: Any, field: FieldInfo, *, text: bool) -> GdcliError:
    """The error for a value that a field does not take."""
    choices, shown = _choices(field.type), _written(value, text=text)
    if choices and (noun := extra_of(field)["words"]):
        return unknown(noun, shown, choices)
    hint = hint_at(shown, choices) if choices else typographic(shown)
    if not hint and not choices and (example := example_of(field)):
        hint = f"for example: {example if text else _TABLES.get(field.name) or example.partition(' ')[2]}"
    what, most = describe(field.type), get_args(field.type)[1].le
    if what == _TABLE and not _is_finite(value):
        what = "finite numbers"
    elif most is not None and most >= _LONG and _exceeds(shown, most):
        what = f"a whole number of at most {most:,}"
    return GdcliError("setting", f"{name} must be {what}, not '{shown}'", hint)


def _exceeds(text: str, most: int) -> bool:
    """Whether a text is a whole number above a bound; Python reads no number of thousands of digits."""
    return text.isdecimal() and len(text) < _MOST_DIGITS and int(text) > most


_MOST_DIGITS = 400
_LONG = 10**9  # a bound from which on it is told only to those who exceed it
_TABLE = "a table of names and values"
_TABLES = {
    "values": '{"x": 3}',
    "init": '{"area": 1}',
    "poly": '{"x": 2}',
    "source": '{"rows": 97, "sha256": "..."}',
    "sources": '{"x": {"shape": [97], "sha256": "..."}}',
    "lrs": '{"x": 0.1}',
    "lr_factor": '{"50": 0.5}',
    "opt": '{"betas": [0.9, 0.95]}',
    "sched": '{"T_max": 100}',
    "bound": '{"x": [-2, 2]}',
    "domain": '{"x": [-2, 2]}',
    "zoom": '{"x": [0.1, 0.2]}',
    "over": '["x=-2:2:100"]',
}


def _written(value: Any, *, text: bool) -> str:
    """A value as it was written, on a command line or in a config; one of a Python call as Python shows it."""
    if isinstance(value, str):
        return value
    if text and isinstance(value, list):
        return ",".join(value)
    if isinstance(value, dict) and (infinite := {k: v for k, v in value.items() if not _is_finite(v)}):
        return ", ".join(f"{name}={_as_text(number)}" for name, number in infinite.items())
    try:
        return msgspec.json.encode(value).decode()
    except TypeError:
        return repr(value)


def extra_of(field: FieldInfo) -> Mapping[str, Any]:
    """What the metadata of a field says beside its description and its bounds."""
    meta = get_args(field.type)[1] if get_origin(field.type) is Annotated else None
    return (meta.extra if isinstance(meta, msgspec.Meta) else None) or {}


def example_of(field: FieldInfo) -> str:
    """An option with an argument that the field takes; an empty string for a flag and for plain text."""
    plain, extra = get_args(field.type)[0], extra_of(field)
    option = "--" + field.name.replace("_", "-")
    if field.name == "values":
        return "--x 3"
    if example := EXAMPLES.get(extra.get("metavar", "")) or EXAMPLES.get(option, ""):
        return example
    if isinstance(field.default, (int, float)) and not isinstance(field.default, bool):
        return f"{option} {field.default or 1:g}"
    if (shown := str(extra.get("shown", "")).partition(" ")[0])[:1].isdigit():
        return f"{option} {shown}"
    if extra.get("reads") == "list":
        return f"{option} {'x' if plain == list[str] else '1e-6'}"
    kinds = {part for part in (get_args(plain) or [plain]) if part is not type(None)}
    kinds |= {get_args(part)[0] for part in kinds if get_origin(part) is Annotated}
    return f"{option} 2" if int in kinds else f"{option} 0.1" if float in kinds else ""


def _choices(kind: Any) -> tuple[str, ...]:
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(plain) is Literal:
        return get_args(plain)
    meta = get_args(kind)[1] if get_origin(kind) is Annotated else None
    return tuple((meta.extra or {}).get("choices", ())) if isinstance(meta, msgspec.Meta) else ()


def describe(kind: Any) -> str:
    """What a field takes, in words: "a number of at least 0"."""
    plain, meta = get_args(kind)[0], get_args(kind)[1]
    if meta.extra and meta.extra.get("words"):
        return str(meta.extra["words"])
    if choices := _choices(kind):
        return "one of " + ", ".join(choices)
    if type(None) in get_args(plain):  # an optional setting is described as the type it has when it is given
        plain = next(part for part in get_args(plain) if part is not type(None))
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}
    if plain in words:
        bounds = f" of at least {meta.ge}" if meta.ge is not None else ""
        if meta.le is not None and meta.le < _LONG:
            bounds = f" from {meta.ge} to {meta.le}"
        return words[plain] + bounds
    if get_origin(plain) is dict:
        return _TABLE
    return "a list of strings"
