"""What is made for a terminal, as HTML: the same tables, trees and sentences, as a page has them.

A table becomes a table, and a tree a list. Sentences are wrapped; numbers and what is aligned stay in one line, and
scroll inside their box where they are too wide. All text is escaped here, and nowhere else.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text as RichText  # noqa: TID251 -- to recognise it; what is shown comes from gdcli.render.text
from rich.tree import Tree

from gdcli.render.row_table import Gap, RowLines, Same
from gdcli.render.terminal.picture import Picture
from gdcli.render.text import PlainConsole, Text

COLUMNS = 100
HEIGHT = 30
"""The lines of a screen for which long tables are shortened."""
_WHOLE = re.compile(r"--[\w.-]+|(?<![\w.])[-+−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
_IN_PYTHON = (
    (r"\(--all shows them.*\)", "(frame() has them)"),
    (r"--csv shows every number", "frame() has every number"),
    (r"--json shows every number", "the record has every number"),
    (r"\(--depth (\d+)( shows them)?\)", r"(explain(depth=\1)\2)"),
)
"""Where the rest is that is left out: in the words of the command line, and as a notebook has it."""
_ALIGNED = re.compile(r"\n|  ")
_COLOURS = frozenset(["red", "green", "yellow", "cyan", "magenta", "blue"])


def _in_python(text: str) -> str:
    for of_command, of_python in _IN_PYTHON:
        text = re.sub(of_command, of_python, text)
    return text


def html_of(report: Sequence[Callable[[int], RenderableType]], *, pictures: bool) -> str:
    """The parts of a report. Without ``pictures``, those that are made of characters are left out."""
    made = _Html(pictures=pictures)
    return "".join(piece for make in report for piece in made.pieces(make(COLUMNS)))


class _Html:
    """Turns what Rich would print into elements."""

    def __init__(self, *, pictures: bool) -> None:
        self.pictures = pictures
        self.console: Console = PlainConsole(
            file=io.StringIO(), width=COLUMNS, height=HEIGHT, legacy_windows=False, _environ={}
        )
        self.options = self.console.options.update(max_width=COLUMNS, height=HEIGHT)

    def pieces(self, thing: Any) -> Iterator[str]:
        """The elements of something; lines that stay as they are come in one box."""
        lines: list[str] = []
        for part in self._parts(thing):
            if isinstance(part, RichText) and _is_aligned(part):
                lines.append(self._styled(part))
                continue
            yield from _box(lines)
            lines = []
            yield self._element(part)
        yield from _box(lines)

    def _parts(self, thing: Any) -> Iterator[Any]:
        """The texts, tables and trees of something, in order."""
        if isinstance(thing, str):
            yield Text(thing)
        elif isinstance(thing, RichText) and not thing.spans and (words := _in_python(thing.plain)) != thing.plain:
            yield Text(words, thing.style)
        elif isinstance(thing, RichText | Table | Tree | RowLines):
            yield thing
        elif isinstance(thing, Group):
            for each in thing.renderables:
                yield from self._parts(each)
        elif isinstance(thing, Picture):
            if self.pictures:
                yield from self._drawn(thing)
        elif hasattr(thing, "__rich__"):
            yield from self._parts(thing.__rich__())
        else:
            yield from self._drawn(thing)

    def _drawn(self, thing: Any) -> Iterator[Any]:
        segments: list[Segment] = []
        for each in thing.__rich_console__(self.console, self.options):
            if isinstance(each, Segment):
                segments.append(each)
            else:
                yield from self._parts(each)
        for line in Segment.split_lines(segments):
            yield Text.assemble(*((text, style or "") for text, style, _ in line), no_wrap=True)

    def _element(self, part: Any) -> str:
        if isinstance(part, Tree):
            return f'<div class="s"><ul class="t">{self._branch(part)}</ul></div>'
        if isinstance(part, Table):
            return self._grid(part) if part.box is None else self._table(part)
        if isinstance(part, RowLines):
            return self._rows(part)
        return f"<p>{_unbroken(self._styled(part))}</p>" if part.plain.strip() else ""

    def _styled(self, text: RichText) -> str:
        if not text.spans:  # Rich would leave its style out
            return _span(text.plain, self.console.get_style(text.style))
        return "".join(_span(words, style) for words, style, _ in text.render(self.console))

    def _branch(self, tree: Tree) -> str:
        below = "".join(map(self._branch, tree.children))
        label = "".join(self.pieces(tree.label))
        return f"<li>{label}{f'<ul>{below}</ul>' if below else ''}</li>"

    def _cells(self, table: Table) -> list[list[str]]:
        columns = [[self._cell(cell) for cell in column.cells] for column in table.columns]
        return [list(row) for row in zip(*columns, strict=True)]

    def _cell(self, cell: Any) -> str:
        parts = list(self._parts(cell))
        if len(parts) == 1 and isinstance(parts[0], RichText):
            return self._styled(parts[0])
        return "".join(self.pieces(cell))

    def _grid(self, table: Table) -> str:
        """A label, and a sentence beside it."""
        rows = [
            "".join(f"<td>{_unbroken(cell) if k else cell}</td>" for k, cell in enumerate(row))
            for row in self._cells(table)
        ]
        return f'<table class="g">{"".join(f"<tr>{row}</tr>" for row in rows)}</table>'

    def _table(self, table: Table) -> str:
        headers = [self._cell(column.header) for column in table.columns]
        sides = ["r" if column.justify == "right" else "l" for column in table.columns]
        rows = [_row("td", row, sides) for row in self._cells(table)]
        return _scrolled(_row("th", headers, sides) if any(headers) else "", rows)

    def _rows(self, table: RowLines) -> str:
        fit, last = table.fit, len(table.labels) - 1
        names = [html.escape(name) for name in (fit.layout.name, *fit.columns)]
        sides = ["r"] * len(names)

        def row(index: int, kind: str = "") -> str:
            cells = [table.labels[index], *(column[index] for column in fit.columns.values())]
            return _row("td", [html.escape(cell.strip("\n")) for cell in cells], sides, kind)

        rows = []
        for entry in table.entries:
            if isinstance(entry, Same):
                words = html.escape(entry.in_words())
                cell = f'<td class="l" colspan="{len(fit.columns) or 1}">{words}</td>'
                rows.append(f'<tr class="d"><td class="r">…</td>{cell}</tr>')
            elif isinstance(entry, Gap):
                rows.append(_row("td", ["…"] * len(names), sides, "d"))
            else:
                rows.append(row(entry.index))
        return _scrolled(_row("th", names, sides), [*rows, row(last, "b")])


def _is_aligned(text: RichText) -> bool:
    return bool(text.no_wrap) or _ALIGNED.search(text.plain.rstrip()) is not None


def _box(lines: Iterable[str]) -> Iterator[str]:
    if found := "\n".join(lines):
        yield f'<pre class="s">{found}</pre>'


def _scrolled(head: str, rows: Sequence[str]) -> str:
    return f'<div class="s"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def _row(tag: str, cells: Sequence[str], sides: Sequence[str], kind: str = "") -> str:
    inner = "".join(f'<{tag} class="{side}">{cell}</{tag}>' for cell, side in zip(cells, sides, strict=True))
    return f'<tr class="{kind}">{inner}</tr>' if kind else f"<tr>{inner}</tr>"


def _span(words: str, style: Style | None) -> str:
    text = html.escape(words)
    if style is None or not words.strip():
        return text
    kinds = [letter for letter, holds in (("b", style.bold), ("d", style.dim), ("i", style.italic)) if holds]
    if style.color is not None and style.color.name in _COLOURS:
        kinds.append(style.color.name)
    return f'<span class="{" ".join(kinds)}">{text}</span>' if kinds else text


def _unbroken(text: str) -> str:
    """Escaped text, in which each number and each name of an option stays in one line."""
    pieces = re.split(r"(<[^>]*>|&[#\w]+;)", text)  # what is not text in turn
    return "".join(
        piece if k % 2 else _WHOLE.sub(lambda found: f'<span class="n">{found[0]}</span>', piece)
        for k, piece in enumerate(pieces)
    )
