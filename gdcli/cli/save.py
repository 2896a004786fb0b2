"""``--save FILE``: what is saved, by the ending of the name, and the checks before the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from gdcli.cli.messages import to_stderr
from gdcli.cli.output import FPS, SECONDS, Kind, Output, about, output_options
from gdcli.cli.whole_file import check_file, whole_file
from gdcli.errors import GdcliError, OutsideError
from gdcli.printable import one_line

if TYPE_CHECKING:
    from gdcli.contract.figure import Figure
    from gdcli.contract.grad import GradResult
    from gdcli.contract.regression import Model


class FileKind(NamedTuple):
    """A kind of file in words, the endings of its name, the library that writes it, and the extra that installs it.

    Where ``needs_it`` is not empty, only files of these endings need the library.
    """

    words: str
    endings: tuple[str, ...]
    library: str = ""
    extra: str = ""
    needs_it: tuple[str, ...] = ()


FILES: dict[Kind, FileKind] = {
    "table": FileKind("the table", ("table.svg", "table.html")),
    "tape": FileKind("the graph of the tape", (".svg", ".dot")),
    "picture": FileKind("a picture", (".png", ".svg", ".pdf"), "matplotlib", "plot"),
    "animation": FileKind("an animation", (".gif", ".mp4"), "matplotlib", "plot"),
    "page": FileKind("a page", (".html",), "plotly", "html"),
    "cells": FileKind("the cells", (".npz", ".parquet", ".csv"), "pyarrow", "data", (".parquet",)),
}
_NOT_USUAL = frozenset(["tape", "cells"])  # kinds whose endings mean something else in other commands
_PICTURES = (".png", ".pdf", ".gif", ".mp4")
_MOST_FRAMES = 3_000


class Target(NamedTuple):
    """A file to save, its kind, and the ending of its name, in lower case."""

    path: str
    kind: Kind
    ending: str


def targets(paths: Sequence[str], offered: Sequence[Kind] = ("cells",)) -> list[Target]:
    """The files to save, each with its kind; that of cells and that of a tape are known where they are ``offered``.

    Raises:
        GdcliError: for a name with an unknown ending.
    """
    kinds = [kind for kind in FILES if kind not in _NOT_USUAL or kind in offered]
    return [_target(path, kinds, [kind for kind in kinds if kind in offered]) for path in paths]


def _target(path: str, kinds: Sequence[Kind], offered: Sequence[Kind]) -> Target:
    name = PurePath(path).name.lower()
    suffix = name[name.rindex(".") :] if "." in name else ""
    for kind in kinds:
        if name.endswith(FILES[kind].endings):
            return Target(path, kind, suffix)
    message = f"unsupported file type '{suffix}'" if suffix else f"the name '{path}' does not say what to save"
    raise GdcliError("save", message, _known(offered))


def _known(kinds: Sequence[Kind]) -> str:
    return f"the supported endings are {', '.join(ending for kind in kinds for ending in FILES[kind].endings)}"


def files_in_words(kinds: Sequence[Kind]) -> str:
    """The kinds of files in words, with their endings."""
    return ", ".join(f"{FILES[kind].words} ({' '.join(FILES[kind].endings)})" for kind in kinds)


def check_targets(output: Output, command: str, offered: Sequence[Kind], *, streams: bool) -> None:
    """Check the files to save before a long run.

    ``offered`` are the kinds that the command can save; one that ``streams`` keeps no result to save.

    Raises:
        GdcliError: for invalid names and options.
        OutsideError: for a library, a program or a folder that is missing.
    """
    found = targets(output.save, offered)
    for target in found:
        if target.kind not in offered:
            message = f"{command} has no {target.kind} to save as {target.path}"
            raise GdcliError("save", message, _known(offered))
    if found and streams:
        raise GdcliError("usage", "--save cannot be combined with --points", "use --output to keep the results")
    _check_options(output, found)
    frames = (output.fps or FPS) * (output.seconds or SECONDS)
    if frames > _MOST_FRAMES:
        message = f"the animation would have {frames:,.0f} frames, but at most {_MOST_FRAMES:,} are allowed"
        raise GdcliError("limit", message, "reduce --fps or --seconds")
    if output.output is not None and PurePath(output.output).suffix.lower() in _PICTURES:
        message = f"--output writes what is printed, but {output.output} is the name of a picture"
        raise GdcliError("usage", message, f"use --save {output.output} to save the picture")
    if found and output.format == "code":
        raise GdcliError("usage", "--code runs nothing, so there is nothing to save", "leave out --save or --code")
    _check_model(output, [target.path for target in found])
    seen: set[str] = set()
    for target in found:
        if target.path in seen or target.path == output.output:
            raise GdcliError("usage", f"{target.path} would be written twice", "give each file its own name")
        seen.add(target.path)
        _check_tools(target)
        check_file(target.path)


def _check_model(output: Output, others: Sequence[str]) -> None:
    """Check the file of ``--save-model``."""
    path = output.save_model
    if path is None:
        return
    if not path.lower().endswith(".json"):
        raise GdcliError("save", f"a model is saved as JSON, and '{path}' does not end in .json", f"{path}.json")
    if output.format == "code":
        message = "--code runs nothing, so there is no model to save"
        raise GdcliError("usage", message, "leave out --save-model or --code")
    if path == output.output or path in others:
        raise GdcliError("usage", f"{path} would be written twice", "give each file its own name")
    check_file(path)


def _check_options(output: Output, found: Sequence[Target]) -> None:
    """Raise GdcliError for an option of a kind of file that is not saved."""
    for field, option in output_options():
        features = {*about(option), *(("picture", "animation") if "surface" in about(option) else ())}
        kinds = [kind for kind in FILES if kind in features]
        if kinds and getattr(output, field.name) and not any(target.kind in kinds for target in found):
            message = f"--{field.name} applies to {' or '.join(kinds)} files, but none is saved"
            hint = f"add --save run{FILES[kinds[0]].endings[0]}, or leave out --{field.name}"
            raise GdcliError("usage", message, hint)


def _check_tools(target: Target) -> None:
    """Check that the library and the program are installed, without importing anything."""
    import importlib.util
    import shutil

    made = FILES[target.kind]
    needed = not made.needs_it or target.ending in made.needs_it
    if needed and made.library and importlib.util.find_spec(made.library) is None:
        message = f"{target.path} needs {made.library}, which is not installed"
        raise OutsideError("missing-extra", message, f'install it: pip install "gdcli[{made.extra}]"')
    if target.ending == ".mp4" and shutil.which("ffmpeg") is None:
        message = f"{target.path} needs the program ffmpeg, which is not installed"
        raise OutsideError("missing-program", message, "install ffmpeg, or save a .gif")


def _silence_matplotlib() -> None:
    """Keep its log off standard error: that it has no folder for its cache changes nothing."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)


def _utf_8(text: str) -> str:
    """The text with an escape for each byte that is not valid UTF-8."""
    return text.encode(errors="backslashreplace").decode()


def save(
    output: Output,
    *,
    report: Callable[[], Sequence[Callable[[int], Any]]],
    figure: Callable[[], Figure] | None = None,
    page: Callable[[], tuple[Figure, Any]] | None = None,
    cells: Callable[[str, IO[bytes]], None] | None = None,
    tape: Callable[[], GradResult] | None = None,
) -> None:
    """Write the files of ``--save``, and report each on standard error.

    ``report`` returns the printed report, ``figure`` the figure of a picture, and ``page`` the contents of a page: a
    figure and the record. ``cells`` writes those of a sweep, for the ending of a name, and ``tape`` returns
    a record that has a tape.

    Raises:
        OutsideError: when a file cannot be written; it is then as it was before.
    """
    try:
        _save(output, report, figure, page, cells, tape)
    except GdcliError as error:
        error.is_late = True
        raise


def save_model(model: Callable[[], Model], path: str, *, quiet: bool) -> None:
    """Write a fitted model as JSON.

    Raises:
        GdcliError: when there is no model.
        OutsideError: when the file cannot be written; it is then as it was before.
    """
    from gdcli.render.documents import json_line

    try:
        found = json_line(model())
        with whole_file(path) as file:
            file.write(found)
    except GdcliError as error:
        error.is_late = True
        raise
    if not quiet:
        to_stderr(f"saved {one_line(path)}")


def _save(
    output: Output,
    report: Callable[[], Sequence[Callable[[int], Any]]],
    figure: Callable[[], Figure] | None,
    page: Callable[[], tuple[Figure, Any]] | None,
    cells: Callable[[str, IO[bytes]], None] | None,
    tape: Callable[[], GradResult] | None,
) -> None:
    _silence_matplotlib()
    for target in targets(output.save, ("cells",) if tape is None else ("tape",)):
        with whole_file(target.path) as file:
            if target.kind == "table":
                from gdcli.render.table_file import table_file

                file.write(table_file(report(), target.ending))
            elif target.kind == "page" and page is not None:
                import shlex

                from gdcli.render.page.page import page as page_of

                file.write(page_of(*page(), _utf_8(shlex.join(["gdcli", *output.words]))))
            elif target.kind == "picture" and figure is not None:
                from gdcli.render.picture.picture import save_picture

                save_picture(figure(), target.ending, file, surface=output.surface)
            elif target.kind == "animation" and figure is not None:
                from gdcli.render.picture.animation import Pace, save_animation

                pace = Pace(output.fps or FPS, output.seconds or SECONDS)
                save_animation(figure(), target.ending, file, pace, surface=output.surface)
            elif target.kind == "tape" and tape is not None:
                from gdcli.lang.functions import MATRIX_OPERATIONS
                from gdcli.render.graph.file import graph_file

                file.write(graph_file(tape(), target.ending, output.digits, MATRIX_OPERATIONS))
            elif target.kind == "cells" and cells is not None:
                cells(target.ending, file)
        if not output.quiet:
            to_stderr(f"saved {one_line(target.path)}")
    if output.surface and figure is not None and not output.quiet:
        from gdcli.contract.figure import ContourPanel

        if not any(isinstance(panel, ContourPanel) for panel in figure().panels):
            to_stderr("note: --surface had no effect, because it needs a function of two or more variables")
