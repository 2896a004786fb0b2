"""``--plot``: a picture below what is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType

from gdcli.render.terminal.picture import Picture
from gdcli.render.text import Text

if TYPE_CHECKING:
    from gdcli.contract.figure import Figure


def above_picture(above: RenderableType, figure: Figure) -> RenderableType:
    """Something, and a picture below it."""
    return Group(above, Text(""), Picture(figure, titled=False))
