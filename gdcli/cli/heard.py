"""What PyTorch and other libraries warn of while a command runs, as notices: each warning is one of them."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gdcli.cli.messages import warn_of

if TYPE_CHECKING:
    from gdcli.contract.envelope import Notice


class Heard:
    """The sentences of the warnings so far, in order. What no record has had goes to standard error in the end."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}
        self._in_a_record = 0

    def hear(self, message: Warning | str, *_: object, **__: object) -> None:
        """Keep a warning; it takes the arguments of ``warnings.showwarning``."""
        self._sentences.setdefault(sentence(message))

    def notices(self) -> list[Notice]:
        """All of them as notices of a record."""
        from gdcli.contract.envelope import Notice

        self._in_a_record = len(self._sentences)
        return [Notice("pytorch", f"PyTorch warns: {text}") for text in self._sentences]

    def rest(self) -> Sequence[str]:
        """The sentences that came after the record, or all if there was none."""
        return list(self._sentences)[self._in_a_record :]


@contextlib.contextmanager
def listening(heard: Heard, *, quiet: bool) -> Iterator[None]:
    """Keep the warnings of a command instead of printing each; at its end, print those that no record has."""
    shown = warnings.showwarning
    warnings.showwarning = heard.hear
    try:
        yield
    finally:
        warnings.showwarning = shown
        if not quiet:
            for text in heard.rest():
                warn_of(text)


def sentence(message: Warning | str) -> str:
    """The first line of a warning, without the place in PyTorch's source."""
    first = next(iter(str(message).splitlines()), "")
    return first.partition(" (Triggered internally at ")[0]
