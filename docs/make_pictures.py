"""Makes the pictures of the documentation from real runs: ``python docs/make_pictures.py``.

A picture is what Rich draws for a terminal of 80 columns, exported as SVG. Same program, same bytes: a test compares.
"""

from __future__ import annotations

import io
import shlex
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from rich.console import Console, RenderableType
from rich.text import Text

from gdcli.cli.main import run
from gdcli.render import table

FOLDER = Path(__file__).parent / "pictures"
COMMANDS = {
    "descents": ["gdcli minimize --lr 0.1 --steps 5", "gdcli fit-linear --steps 5"],
}

# Rich's own frame, less the fonts that it would fetch from the network.
_FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px Menlo, Consolas, "DejaVu Sans Mono", monospace }}
.{unique_id}-title {{ font: bold 18px Helvetica, Arial, sans-serif }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
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


def picture(name: str, commands: list[str]) -> str:
    """The SVG of a terminal in which the commands have run, one after the other."""
    screen = Console(
        record=True,
        file=io.StringIO(),
        width=80,
        height=100,
        force_terminal=True,
        force_jupyter=False,
        color_system="truecolor",
        legacy_windows=False,
        no_color=False,
        highlight=False,
        markup=False,
        emoji=False,
    )

    def draw(_file: object, make: Callable[[int], RenderableType]) -> None:
        screen.print(make(screen.width))

    with mock.patch.object(table, "print_to", draw):
        for command in commands:
            screen.print(Text(f"$ {command}", "bold green"))
            if run(shlex.split(command)[1:]) != 0:
                raise SystemExit(f"{command} has failed")
            screen.print()
    svg = screen.export_svg(title="gdcli", code_format=_FRAME, unique_id=f"gdcli-{name}")
    return "".join(f"{line.strip()}\n" for line in svg.splitlines() if line.strip())


def pictures() -> dict[Path, str]:
    """The SVG of every picture, by its file."""
    return {FOLDER / f"{name}.svg": picture(name, commands) for name, commands in COMMANDS.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, svg in pictures().items():
        path.write_text(svg, encoding="utf-8")
        print(path)
