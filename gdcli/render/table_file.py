"""A table as a file for slides and pages: SVG or HTML, through Rich. It fetches nothing from the network."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence

from rich.console import Console, RenderableType
from rich.terminal_theme import SVG_EXPORT_THEME, TerminalTheme

from gdcli.render.text import PlainConsole

COLUMNS = 100

FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px Menlo, Consolas, "DejaVu Sans Mono", monospace }}
.{unique_id}-title {{ font: bold 18px Helvetica, Arial, sans-serif }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="100%"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own frame of a terminal, without the web fonts, and with room for the letters below the last line."""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width">
<title>gdcli</title>
<style>
:root {{ color-scheme: light dark }}
body {{ margin: 2rem; overflow-x: auto }}
pre {{ font: 15px/1.35 Menlo, Consolas, "DejaVu Sans Mono", monospace }}
{stylesheet}
</style>
</head>
<body>
<pre><code>{code}</code></pre>
</body>
</html>
"""


def table_file(parts: Sequence[Callable[[int], RenderableType]], ending: str) -> bytes:
    """The parts one below the other, ``COLUMNS`` columns wide, as ".svg" or ".html"."""
    screen = recorder(COLUMNS)
    for part in parts:
        screen.print(part(screen.width))
    if ending == ".html":
        return screen.export_html(code_format=_PAGE).encode()
    text = screen.export_text(clear=False)
    return tidy_svg(screen, "gdcli-" + hashlib.sha256(text.encode()).hexdigest()[:8])


def recorder(columns: int) -> Console:
    """A console that prints nothing and records everything."""
    return PlainConsole(
        record=True,
        file=io.StringIO(),
        width=columns,
        height=100,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        no_color=False,
    )


def tidy_svg(screen: Console, name: str, theme: TerminalTheme = SVG_EXPORT_THEME) -> bytes:
    """The recording of a console as SVG; ``name`` is in its classes, so that one page can hold several."""
    svg = screen.export_svg(title="gdcli", theme=theme, code_format=FRAME, unique_id=name)
    return "".join(f"{line.strip()}\n" for line in svg.splitlines() if line.strip()).encode()
