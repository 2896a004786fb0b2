"""The page of a record in a cell of a notebook: what ``page()`` returns."""

from __future__ import annotations

import functools
import html
from typing import TYPE_CHECKING, Any

from gdcli.printable import one_line

if TYPE_CHECKING:
    from gdcli.contract.figure import Figure

_LONGEST = 80  # characters of a value in the call that made a record


class Page:
    """A page that a notebook shows in a frame: it needs no server and no network, also when the notebook was saved."""

    def __init__(self, figure: Figure, record: Any, height: int) -> None:
        self.figure = figure
        self.record = record
        self.height = height

    @functools.cached_property
    def html(self) -> str:
        """The page, as ``--save`` writes it."""
        from gdcli.render.page.page import page

        return page(self.figure, self.record, call_of(self.record)).decode()

    def __repr__(self) -> str:
        return f"<gdcli page: {self.figure.title}>"

    def _repr_html_(self) -> str:
        title = html.escape(one_line(self.figure.title), quote=True)
        # Without allow-same-origin, nothing in it can reach the notebook.
        return (
            f'<iframe title="{title}" sandbox="allow-scripts allow-downloads" '
            f'style="width:100%;height:{self.height}px;border:0;resize:vertical;overflow:auto" '
            f'srcdoc="{html.escape(self.html, quote=True)}"></iframe>'
        )


def call_of(record: Any) -> str:
    """The command or the call of a function that makes a record again."""
    if "words" in record.__dict__:
        import shlex

        return shlex.join(["gdcli", *record.__dict__["words"]])
    settings = record.settings
    usual = type(settings)()
    given = {name: getattr(settings, name) for name in settings.__struct_fields__ if name != "sources"}
    told = {name: value for name, value in given.items() if value is not None and value != getattr(usual, name)}
    parts = [f"{name}={_short(value)}" for name, value in told.items()]
    return f"gdcli.{record.command.replace('-', '_')}({', '.join(parts)})"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
