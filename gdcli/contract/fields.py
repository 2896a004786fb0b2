"""The metadata of a field of settings, and the types of fields that several commands share.

No torch here. A field's type carries its bounds, its help line and its help panel; command line, config, JSON Schema
and Python API all read them from there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, replace

S = TypeVar("S", bound=Struct)

PROBLEM, RULE, STOPPING, NUMBERS, EXPLAIN = "Problem", "Update rule", "Stopping", "Numbers", "Explanation"


def meta(  # noqa: PLR0913 -- what a field may say of itself
    description: str,
    panel: str,
    metavar: str = "",
    *,
    words: str = "",
    reads: str = "",
    shown: str = "",
    choices: Sequence[str] = (),
    **bounds: Any,
) -> Meta:
    """The metadata of a field.

    ``words`` says in an error what the field takes ("a number"; for a choice from a long list, "optimizer"), ``shown``
    is the default in the help where the value alone says too little, and ``reads`` how an argument is read: a "list",
    "pairs" NAME=VALUE, or "bounds". ``choices`` are the names in a text that may be something else too.
    """
    extra = {"panel": panel, "metavar": metavar, "words": words, "reads": reads, "shown": shown, "choices": choices}
    return Meta(description=description, extra=extra, **bounds)


EXPRESSIONS = ("expression", "expressions")
"""The settings that are no options: what is typed without one."""
READ = ("sources", "source")
"""What the settings of a record say of the files that were read: shape or rows, and SHA-256. They are no options."""
SCRIPT = ("script", "args")
"""The same of a command that runs a script: all that follows its name is for the script."""
fields_of: Callable[[type[Struct]], tuple[FieldInfo, ...]] = functools.cache(msgspec.structs.fields)
"""The fields of settings. Their types, which are text in the source, are evaluated once."""


AT_LEAST_0 = "a number of at least 0"
Nested = float | int | bool | list[Any] | None
"""A tensor in plain Python: a number, a list of numbers, a list of lists."""


if TYPE_CHECKING:
    Number: TypeAlias = float
    """A number; NaN or infinite values are null in JSON only."""
else:
    Number = float | None  # what the JSON Schema says


Value = str | float | int | bool | list[Any]
Values = Annotated[
    dict[str, Value], meta("value of each variable: a number, a list, or text; @FILE:COLUMN reads a file", PROBLEM)
]
Objective = Annotated[str, meta("what to minimize: an expression, or a problem (gdcli problems)", PROBLEM, "EXPR")]
Wrt = Annotated[
    list[str], meta("variables to differentiate with respect to, separated by commas", PROBLEM, "NAMES", reads="list")
]
Dtype = Annotated[
    Literal["float32", "float64", "float16", "bfloat16"], meta("floating-point type of the tensors", NUMBERS)
]
Seed = Annotated[int, meta("seed of the random number generator", NUMBERS, ge=0, le=2**63 - 1)]
Device = Annotated[Literal["cpu", "cuda", "auto"], meta("device of the tensors", NUMBERS)]
NonNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Option = str | bool | int | float | list[float | None] | None
Dim = Annotated[
    Annotated[int, Meta(ge=1, le=100_000)] | None,
    meta("dimension of a problem in the catalogue", PROBLEM, "N", words="a whole number of at least 1"),
]


def in_record(settings: S) -> S:
    """Settings as a record has them: names of what was given in Python (a function, a class) as plain text."""
    changes: dict[str, Any] = {}
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, str) and type(value) is not str:
            changes[name] = str(value)
        elif isinstance(value, list) and any(isinstance(each, str) and type(each) is not str for each in value):
            changes[name] = [str(each) if isinstance(each, str) else each for each in value]
    return replace(settings, **changes) if changes else settings
