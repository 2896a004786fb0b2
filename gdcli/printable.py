"""Text that others wrote, as it may stand in a message or on a terminal: controls as escapes, long words shortened."""

from __future__ import annotations

import re

LONGEST = 200
"""Characters of a word, or of what stands between quotes, that a message repeats."""
_MESSAGE = 600  # characters; no message of gdcli alone is as long
_HEAD, _TAIL = 60, 30  # characters of a longer one, which may come twice

# C0, DEL and C1, the ends of lines beyond ASCII, and what changes the direction of the text that follows.
_CONTROLS = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_CONTROL = re.compile(f"[{_CONTROLS}]")
_CONTROL_IN_LINES = re.compile(f"(?![\t\n])[{_CONTROLS}]")
_WORD = re.compile(rf"\S{{{LONGEST + 1},}}")
_QUOTED = re.compile(rf"(?<=(?<!\w)')[^']{{{LONGEST + 1},}}(?='(?!\w))")  # the apostrophe of "PyTorch's" opens none
_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def one_line(text: str) -> str:
    """The text in one line: every control character as an escape, as Python writes it, line ends and tabs too."""
    return text if text.isascii() and text.isprintable() else _CONTROL.sub(_escape, text)


def in_lines(text: str) -> str:
    """The text with its lines and tabs as they are, and every other control character as an escape."""
    return text if text.isascii() and text.isprintable() else _CONTROL_IN_LINES.sub(_escape, text)


def shortened(text: str) -> str:
    """A message in which each word and each quoted part has at most ``LONGEST`` characters; a longer one, its ends."""
    if len(text) <= LONGEST:
        return text
    return _WORD.sub(_ends, _QUOTED.sub(_ends, text))


def short_message(text: str) -> str:
    """The same; the middle is left out where the message is still longer than a message of gdcli can be."""
    text = shortened(text)
    return text if len(text) <= _MESSAGE else f"{text[: LONGEST - _TAIL - 1]}…{text[-_TAIL:]}"


def _escape(found: re.Match[str]) -> str:
    letter = found[0]
    return _SHORT.get(letter) or (f"\\x{ord(letter):02x}" if ord(letter) < 0x100 else f"\\u{ord(letter):04x}")


def _ends(found: re.Match[str]) -> str:
    return f"{found[0][:_HEAD]}…{found[0][-_TAIL:]}"
