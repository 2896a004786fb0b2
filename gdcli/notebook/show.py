"""What the methods of a record do: show it, draw it, save it."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any

from gdcli.cli.messages import WARNINGS
from gdcli.cli.output import Output
from gdcli.cli.save import FILES, check_targets
from gdcli.cli.save import save as save_files
from gdcli.cli.whole_file import whole_file
from gdcli.contract.reading import read
from gdcli.contract.shown import Shown
from gdcli.errors import GdcliError, OutsideError
from gdcli.notebook.page import Page
from gdcli.notebook.picture import Picture
from gdcli.notebook.view import View, output_of, view_of
from gdcli.printable import one_line, shortened

_TEXTS = (".json", ".csv")
_OPTIONS = ("surface", "fps", "seconds")


def bundle(record: Shown) -> dict[str, str]:
    """What a notebook shows: HTML with the pictures where matplotlib is installed, and the text of the command."""
    try:
        view = view_of(record)
        return {"text/html": _html(record, view), "text/plain": text_of(record, view)}
    except GdcliError as error:  # its objective cannot be made again: a file is gone, or another one
        return {"text/plain": f"{record.message}\nthe table cannot be shown: {error.message}"}  # type: ignore[attr-defined]


def text_of(record: Shown, view: View) -> str:
    """What a terminal shows of the command."""
    from gdcli.render.table import print_to

    file = io.StringIO()
    print_to(file, view.report(), plain=True)
    warned = [f"warning: {one_line(shortened(text))}\n" for text in _warnings(record)]
    return "".join([file.getvalue(), *warned]).removesuffix("\n")


def _warnings(record: Any) -> list[str]:
    """What a command says on standard error."""
    if output_of(record).quiet:
        return []
    return [notice.message for notice in record.warnings if notice.code in WARNINGS]


def _html(record: Shown, view: View) -> str:
    from gdcli.render.notebook.html import html_of
    from gdcli.render.notebook.pieces import boxed, picture, warning

    panels = _panels(view) if _is_there("matplotlib") else None
    parts = [html_of(view.report(), pictures=panels is None), *map(warning, _warnings(record))]
    if panels is not None:
        parts.append(picture(Picture(panels).svg, panels))
    if isinstance(getattr(record, "tape", None), list):
        from gdcli.notebook.explanation import graph

        parts.append(graph(record))  # type: ignore[arg-type]
    return boxed("".join(parts))


def _panels(view: View) -> Any:
    """The figure of a picture; None where there is none, for what was saved does not matter here."""
    if view.figure is None:
        return None
    try:
        return view.figure()
    except GdcliError:
        return None


def _is_there(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def _need(library: str, install: str, what: str) -> None:
    if not _is_there(library):
        message = f"{what} needs {library}, which is not installed"
        raise OutsideError("missing-extra", message, f"install it: pip install {install}")


def plot(record: Shown, *, surface: bool) -> Picture:
    """The picture of a record."""
    view = view_of(record)
    if view.figure is None:
        raise GdcliError("plot", f"the record of {record.command} has no picture", _instead(record))
    _need("matplotlib", '"gdcli[plot]"', "a picture")
    return Picture(view.figure(), surface=surface)


def _instead(record: Shown) -> str:
    return "explain() shows its tape as a graph" if hasattr(record, "explain") else ""


def page(record: Shown, height: int) -> Page:
    """The page of a record."""
    view = view_of(record)
    if view.page is None:
        raise GdcliError("page", f"the record of {record.command} has no page", _instead(record))
    if not isinstance(height, int) or isinstance(height, bool) or height < 1:
        message = f"'height' must be a whole number of pixels of at least 1, not {one_line(shortened(repr(height)))}"
        raise GdcliError("argument", message, "for example: page(height=700)")
    _need("plotly", '"gdcli[html]"', "a page")
    figure, contents = view.page()
    if "words" in record.__dict__:
        contents.__dict__["words"] = record.__dict__["words"]
    return Page(figure, contents, height)


def frame(record: Shown) -> Any:
    """The table of ``--csv`` as a DataFrame."""
    _need("pandas", "pandas", "a DataFrame")
    import pandas as pd

    header, *rows = csv.reader(io.StringIO(view_of(record).csv().decode(), newline=""))
    columns = zip(*rows, strict=True) if rows else ([] for _ in header)
    return pd.DataFrame({name: _numbers(cells) for name, cells in zip(header, columns, strict=True)})


def _numbers(cells: Sequence[str]) -> Sequence[Any]:
    """The cells of a column as numbers, if all are; an empty one is NaN."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return [kind(cell) if cell or kind is int else float("nan") for cell in cells]
    return cells


def save(record: Shown, paths: Sequence[str | PathLike[str]], options: Mapping[str, Any]) -> None:
    """Save a record to files, each by the ending of its name."""
    view = view_of(record)
    names = [_name(path) for path in paths]
    if not names:
        raise GdcliError("save", "save() needs the name of a file", 'for example: save("run.png")')
    for name in options:
        if name not in _OPTIONS:
            message = f"save() has no option '{name}'"
            raise GdcliError("argument", message, f"its options are {', '.join(_OPTIONS)}")
    texts = [name for name in names if name.lower().endswith(_TEXTS) and not ("cells" in view.saves and _is_csv(name))]
    saved = [name for name in names if name not in texts]
    output = read(Output, {**options, "save": saved, "quiet": True}, naming="'{}'")
    try:
        check_targets(output, record.command, view.saves, streams=False)
    except GdcliError as error:
        if error.code == "save":
            error.hint = f"the supported endings are {', '.join((*_endings(view), *_TEXTS))}"
        raise
    for name in texts:
        content = view.csv() if _is_csv(name) else _json(record)
        with whole_file(name) as file:
            file.write(content)
    save_files(output, report=view.report, figure=view.figure, page=view.page, cells=view.cells, tape=view.tape)


def _name(path: Any) -> str:
    if not isinstance(path, str | PathLike):
        raise GdcliError("argument", f"the name of a file must be text, but it is of type {type(path).__name__}")
    return str(fspath(path))


def _is_csv(name: str) -> bool:
    return name.lower().endswith(".csv")


def _endings(view: View) -> list[str]:
    known = [ending for kind in FILES if kind in view.saves for ending in FILES[kind].endings]
    return [ending for ending in known if ending not in _TEXTS]


def _json(record: Shown) -> bytes:
    from gdcli.render.documents import json_line

    return json_line(record)
