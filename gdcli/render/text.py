"""Rich's text and console, with what others wrote made harmless: the only ones that ``render`` and ``cli`` use."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text as RichText

from gdcli.printable import in_lines


class Text(RichText):
    """Text whose control characters are escapes; line ends and tabs are kept."""

    __slots__ = ()

    def __init__(self, text: str = "", *args: Any, **options: Any) -> None:
        super().__init__(in_lines(text), *args, **options)

    @classmethod
    def assemble(cls, *parts: Any, **options: Any) -> Text:
        """Text of several parts: strings, texts, or a string and its style."""
        text = cls(**options)
        for part in parts:
            text.append(*part) if isinstance(part, tuple) else text.append(part)
        return text

    def append(self, text: RichText | str, style: Any = None) -> Text:
        """Add text, with an optional style."""
        super().append(in_lines(text) if isinstance(text, str) else text, style)
        return self


class PlainConsole(Console):
    """A console on which text is never markup, and a plain string is a ``Text``."""

    def __init__(self, **options: Any) -> None:
        # In a kernel of Jupyter, Rich would show HTML of its own in place of what is written to a file.
        super().__init__(highlight=False, markup=False, emoji=False, **{"force_jupyter": False, **options})

    def render_str(self, text: str, **options: Any) -> RichText:
        """A string as text."""
        return super().render_str(in_lines(text), **options)
