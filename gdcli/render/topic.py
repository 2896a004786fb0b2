"""A page of help as Rich output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.padding import Padding

from gdcli.render.table import listing
from gdcli.render.text import Text

_WIDEST = 100  # columns of a text that is easy to read


Part: TypeAlias = str | tuple[str, Sequence[tuple[str, str]]] | tuple[Sequence[str]]
"""A paragraph, a heading with rows of two columns, or lines that can be typed."""


def page(title: str, parts: Iterable[Part], width: int) -> RenderableType:
    """A title, and below it the parts."""
    shown: list[RenderableType] = [Text(title, "bold")]
    narrower = max(width - _WIDEST, 0)
    for part in parts:
        shown.append("")
        if isinstance(part, str):
            shown.append(Padding(Text(part), (0, narrower, 0, 0)))
        elif len(part) == 2:
            shown.append(Padding(listing((part[0], ""), part[1]), (0, narrower, 0, 0)))
        else:
            shown += [Text(f"  {line}", "cyan", no_wrap=True, overflow="ignore") for line in part[0]]
    return Group(*shown)
