"""The options of how and where to print, and the stream that is printed to."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import IO, Annotated, Any, Literal, Protocol, TypeAlias, get_args, get_origin

from msgspec import Meta, Struct
from msgspec import field as field_
from msgspec.structs import FieldInfo, fields

from gdcli.cli.heard import Heard
from gdcli.cli.whole_file import check_file, whole_file
from gdcli.errors import GdcliError

PANEL = "Output"
Format = Literal["table", "json", "jsonl", "csv", "code"]
Kind: TypeAlias = Literal["table", "tape", "picture", "animation", "page", "cells"]
"""The kinds of files that ``--save`` can write."""
Feature: TypeAlias = (
    Literal[
        "files",
        "iterations",
        "loops",
        "model",
        "numbers",
        "points",
        "plot",
        "race",
        "rows",
        "script",
        "surface",
        "sweep",
    ]
    | Kind
)
"""The features of a command that have options of their own."""
FPS, SECONDS = 20, 5.0


def option(
    description: str,
    metavar: str = "",
    *,
    about: Sequence[Feature] = (),
    instead: Mapping[Feature, str] = MappingProxyType({}),
    words: str = "",
    shown: str = "",
    **bounds: Any,
) -> Meta:
    """The metadata of an option; ``metavar``, ``words`` and ``shown`` as in the fields of settings.

    It belongs to the commands that have one of the features in ``about``, or to all commands if that is empty.
    ``instead`` is its description in commands that have a feature, where that differs.
    """
    extra = {"panel": PANEL, "metavar": metavar, "words": words, "reads": "", "shown": shown}
    return Meta(description=description, extra={**extra, "about": about, "instead": instead}, **bounds)


FORMATS: dict[Format, Meta] = {
    "json": option("print the record as one JSON document"),
    "jsonl": option(
        "print each point as a line of JSON",
        about=("iterations", "loops", "points", "rows"),
        instead={
            "iterations": "print each iteration as a line of JSON, as it is computed",
            "loops": "print each iteration as a line of JSON, once it is over",
            "rows": "print each prediction as a line of JSON, as it is computed",
        },
    ),
    "csv": option("print CSV"),
    "code": option("print a PyTorch script that does the same", about=("script",)),
}
"""The format flags; without one, a table is printed."""


class Notebook(Protocol):
    """What a command runs in that is no terminal."""

    def take(self, record: Any) -> None:
        """Take the record of a command, in place of what it prints for people."""

    def with_value(self, settings: Any, name: str) -> Any:
        """Settings with the value of a variable that has none; None if the notebook does not know it."""

    def with_moving(self, settings: Any, completed: Any) -> Any:
        """Settings by which the notebook's values stay; None where that changes nothing of the completed ones."""

    def hint(self, error: GdcliError, words: list[str]) -> str:
        """The hint at an error, as the notebook gives it."""


class Output(Struct, frozen=True, kw_only=True):
    """How and where to print. ``format`` is set by a format flag; ``words`` are the arguments of the command line.

    ``heard`` has the warnings of libraries while the command runs, ``meeting`` the other processes of a sweep, and
    ``notebook`` is what the command runs in, if anything.
    """

    format: Format = "table"
    output: Annotated[str | None, option("write to a file, completely or not at all", "FILE")] = None
    plot: Annotated[
        bool,
        option(
            "also draw a picture, below the table",
            about=("plot", "loops"),
            instead={
                "iterations": "draw a picture instead of the table; with --all or --every, below it",
                "loops": "also draw the losses, below the tables",
            },
        ),
    ] = False
    live: Annotated[
        bool,
        option(
            "show the run live; keys: space, arrows, + - and q",
            about=("plot", "sweep"),
            instead={"sweep": "fill in the picture as cells are run, from coarse to fine; keys: space and q"},
        ),
    ] = False
    delay: Annotated[
        float,
        option("seconds between iterations, with --live", "SECONDS", about=("plot",), ge=0, le=3600),
    ] = 0.0
    screen: Annotated[bool, option("use the alternate screen, with --live", about=("plot", "sweep"))] = False
    save: Annotated[
        list[str],
        option("save to FILE; its ending selects what: {files}; may be repeated", "FILE", about=("files",)),
    ] = []
    save_model: Annotated[
        str | None, option("save the fitted model to a JSON file, for gdcli predict", "FILE", about=("model",))
    ] = None
    surface: Annotated[bool, option("save a contour plot as a 3D surface; a page has both", about=("surface",))] = False
    over: Annotated[
        Literal["evaluations", "iterations"], option("what pictures, animations and pages count", about=("race",))
    ] = "evaluations"
    fps: Annotated[
        Annotated[int, Meta(ge=1, le=60)] | None,
        option(
            "frames per second of an animation",
            "N",
            about=("animation",),
            words="a whole number from 1 to 60",
            shown=f"{FPS}",
        ),
    ] = None
    seconds: Annotated[
        Annotated[float, Meta(gt=0, le=600)] | None,
        option(
            "length of an animation in seconds",
            "NUMBER",
            about=("animation",),
            words="a number greater than 0, up to 600",
            shown=f"{SECONDS:g}",
        ),
    ] = None
    digits: Annotated[
        int, option("significant digits in a table; 17 is exact", "N", about=("numbers",), ge=1, le=17)
    ] = 6
    cells: Annotated[bool, option("with --json, also print every cell", about=("sweep",))] = False
    shard: Annotated[
        str | None, option("run one of N parts of the grid, and save it to an NPZ file", "I/N", about=("sweep",))
    ] = None
    merge: Annotated[
        list[str], option("put the parts that --shard has saved together, and run nothing", "FILE...", about=("sweep",))
    ] = []
    checkpoint: Annotated[
        str | None, option("keep checkpoints of the run in a folder, for --resume", "DIR", about=("model",))
    ] = None
    resume: Annotated[
        bool,
        option(
            "keep finished tiles beside the first file of --save, and go on from those there",
            about=("sweep", "model"),
            instead={"iterations": "go on from the last checkpoint in the folder of --checkpoint, if there is one"},
        ),
    ] = False
    every: Annotated[int, option("show every Nth iteration in a table", "N", about=("iterations", "loops"), ge=1)] = 1
    all: Annotated[bool, option("show every row of a long table", about=("iterations", "points", "loops"))] = False
    require_convergence: Annotated[
        bool, option("exit with code 3 unless a tolerance was met", about=("iterations",))
    ] = False
    quiet: Annotated[bool, option("hide the diagnosis, notes, warnings and progress")] = False
    words: list[str] = []
    heard: Heard = field_(default_factory=Heard)
    meeting: Any = None
    notebook: Notebook | None = None

    @property
    def counted(self) -> Literal["iteration", "evaluation"]:
        """What the pictures of a race count, in the singular."""
        return "iteration" if self.over == "iterations" else "evaluation"

    @property
    def takes_record(self) -> bool:
        """Whether a notebook takes the record, and shows it in another way than as printed text."""
        return self.notebook is not None and self.format == "table" and self.output is None

    def take(self, record: Any) -> None:
        """Give the record to the notebook, with the words that made it, and how they have it shown."""
        if self.notebook is not None:
            record.__dict__["words"] = self.words
            shown = Output(digits=self.digits, every=self.every, all=self.all, quiet=self.quiet)
            record.__dict__["output"] = shown
            self.notebook.take(record)

    def check(self) -> None:
        """Check before a long run that the file can be written.

        Raises:
            OutsideError: when the file cannot be written.
        """
        if self.output is not None and self.output != "-":
            check_file(self.output)

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The stream to print to. A file appears once all is written, and an old one is kept until then.

        A JSON document is indented for a terminal, and one line elsewhere.

        Raises:
            OutsideError: when the file cannot be written.
        """
        if self.output is None or self.output == "-":
            if self.format == "json" and sys.stdout.isatty():
                with io.BytesIO() as document:
                    yield document
                    sys.stdout.buffer.write(indented(document.getvalue()))
            else:
                yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        with whole_file(self.output) as file:
            yield file

    @contextlib.contextmanager
    def open_text(self) -> Iterator[IO[str]]:
        """The stream for people; standard output itself if no file is given, so that a terminal is recognised."""
        if self.output is None or self.output == "-":
            yield sys.stdout
            sys.stdout.flush()
            return
        with self.open() as file:
            text = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
            yield text
            text.detach()


def indented(document: bytes) -> bytes:
    """A JSON document for people: the same, on several lines."""
    import msgspec

    return msgspec.json.format(document, indent=2) + b"\n"


def about(option: Meta) -> Sequence[Feature]:
    """The features that an option belongs to; none if every command has it."""
    return option.extra["about"] if option.extra else ()


def described(option: Meta, features: Sequence[Feature]) -> str:
    """The help line of an option in commands that have these features."""
    instead: Mapping[str, str] = option.extra["instead"] if option.extra else {}
    return next((text for feature, text in instead.items() if feature in features), option.description or "")


@functools.cache
def output_options() -> list[tuple[FieldInfo, Meta]]:
    """The fields of Output that are options, each with its metadata."""
    return [(field, get_args(field.type)[1]) for field in fields(Output) if get_origin(field.type) is Annotated]


def chosen_format(asked: Sequence[Format]) -> Format:
    """The format that was requested.

    Raises:
        GdcliError: if there were several.
    """
    if len(asked) > 1:
        names = " and ".join(f"--{name}" for name in asked)
        raise GdcliError("usage", f"{names} cannot be combined", "keep one of them")
    return asked[0] if asked else "table"
