"""``watch``: its settings, and the record of what a script did."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Struct

from gdcli.contract.descent import Step
from gdcli.contract.envelope import Notice, Record
from gdcli.contract.fields import PROBLEM, Number, meta

WatchFindingCode: TypeAlias = Literal[
    "zero-grad-forgotten", "zero-grad-before-step", "update-outside-no-grad", "rebound", "no-gradient",
    "not-held", "not-reached", "detached", "step-before-backward", "schedule-before-step", "two-backwards",
    "lr-zero", "integer-parameter", "no-requires-grad", "broadcast", "not-averaged", "not-finite", "dead-relu",
    "vanishing-gradient", "exploding-gradient", "learning-rate-too-large", "learning-rate-too-small", "float-floor",
    "oscillating", "cycling", "plateau", "saddle", "never-stepped",
]  # fmt: skip


class WatchRemedy(Struct, frozen=True):
    """What to change at a line: ``text`` is the code to write there.

    ``replaces`` is the code that is there now, empty where ``text`` is a line to add. ``tried`` says whether the script
    was run with it (``--try``), and ``effect`` what that did.
    """

    line: int
    text: str
    replaces: str = ""
    tried: bool = False
    effect: str = ""


class WatchFinding(Struct, frozen=True):
    """Something that is wrong with a loop.

    ``message`` is one sentence with its numbers, ``file`` and ``line`` are where to change something, ``evidence`` has
    the numbers under names that depend on the code. ``guess``: it rests on a guess, and the message says so.
    ``descent`` is the index of the descent in the record, null for the script as a whole.
    """

    code: WatchFindingCode
    message: str
    file: str
    line: int
    evidence: dict[str, Any]
    change: str
    remedy: WatchRemedy | None = None
    guess: bool = False
    descent: int | None = None


class WatchSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``watch``: the script, and how much to keep."""

    script: Annotated[str, meta("a script, a notebook (.ipynb), or - for standard input", PROBLEM)] = ""
