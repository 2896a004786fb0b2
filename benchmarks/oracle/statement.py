"""A statement that was judged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """What a finding says, of a kind, and whether it holds: None where this cannot be told.

    ``code`` is that of the finding, or of what speaks instead (a warning, the whole run); ``why`` says what was found.
    """

    code: str
    kind: str
    holds: bool | None
    why: str
