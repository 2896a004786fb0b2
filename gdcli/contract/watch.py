"""``watch``: its settings, and the record of what a script did."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, field

from gdcli.contract.envelope import Notice
from gdcli.contract.fields import Nested, Number, meta
from gdcli.contract.shown import Shown

WATCH = "Script"

WatchFindingCode: TypeAlias = Literal[
    "zero-grad-forgotten", "zero-grad-before-step", "update-outside-no-grad", "rebound", "no-gradient",
    "not-held", "not-reached", "detached", "step-before-backward", "schedule-before-step", "two-backwards",
    "no-leaf", "graph-grows", "changed-in-place",
    "lr-zero", "integer-parameter", "no-requires-grad", "broadcast", "not-averaged", "not-finite", "dead-relu",
    "vanishing-gradient", "exploding-gradient", "learning-rate-too-large", "learning-rate-too-small", "float-floor",
    "oscillating", "cycling", "plateau", "saddle", "never-stepped", "incomplete",
]  # fmt: skip


class WatchRemedy(Struct, frozen=True):
    """What to change at a line: ``text`` is the code to write there.

    ``replaces`` is the code that is there now, empty where ``text`` is a line to add. ``tried`` says whether the script
    was run with it (``--try``), and ``effect`` what that did, or why it was not. ``loss`` is then that of the last
    iteration of the loop, and ``gone`` whether the finding is; null where the run does not tell.
    """

    line: int
    text: str
    replaces: str = ""
    tried: bool = False
    effect: str = ""
    loss: Number | None = None
    gone: bool | None = None


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
    """Settings of ``watch``: the script with its arguments, how much to keep, and what to do about findings."""

    script: Annotated[str, meta("a script, a notebook (.ipynb), or - for standard input", WATCH, "SCRIPT")] = ""
    args: Annotated[list[str], meta("arguments of the script: all that follows its name", WATCH, "ARGS")] = []
    cell: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        meta("of a notebook, run the code cells up to the Nth", WATCH, "N", words="a whole number of at least 1"),
    ] = None
    keep: Annotated[
        int, meta("iterations of a descent to keep, its first and last ones; 0 keeps all", WATCH, "N", ge=0, le=10**9)
    ] = 2000
    fail_on: Annotated[
        list[str],
        meta("exit with code 3 if there is one of these findings, or any", WATCH, "FINDINGS", reads="list"),
    ] = []
    try_: Annotated[
        bool, meta("run the script a second time, with the first remedy that can be tried, and say what came of it",
                   WATCH)
    ] = field(name="try", default=False)  # fmt: skip


class Size(Struct, frozen=True):
    """A tensor of more than 64 elements: its norm, and its extremes where they were looked at."""

    elements: int
    norm: Number
    smallest: Number | None = None
    largest: Number | None = None


class WatchedStep(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An iteration of a watched loop: the state at which backward computed the gradients.

    ``grads`` is what backward left in ``.grad`` (or torch.autograd.grad returned), null for None. ``before`` says what
    was in ``.grad`` before, where it was not None: all zeros, what the last backward of this line left (``kept``), or
    something else. ``moved`` is the norm of the change until the next backward, where it is known, and ``by`` what
    changed the tensor. ``lr`` is that of the optimizer's step after it, a list where its groups differ; null where no
    optimizer took one.
    """

    iteration: int
    loss: Number
    values: dict[str, Nested | Size]
    grads: dict[str, Nested | Size]
    lr: Number | list[Number] | None
    before: dict[str, Literal["zero", "kept", "other"]] = {}
    moved: dict[str, Number] = {}
    by: dict[str, Literal["step", "in place", "rebound"]] = {}


class WatchedLeaf(Struct, frozen=True, kw_only=True):
    """A tensor of a loop: whether the loss reaches it, and whether an optimizer holds it."""

    shape: list[int]
    dtype: str
    requires_grad: bool
    is_leaf: bool
    reached: bool
    held: bool


class WatchedOptimizer(Struct, frozen=True, kw_only=True):
    """An optimizer: its class, its name in the script (null if it has none), its groups, and how often it stepped."""

    name: str
    variable: str | None
    groups: list[dict[str, Any]]
    holds: list[str | None]
    steps: int


class WatchedLoop(Struct, frozen=True, kw_only=True):
    """The backwards of one line: a loop, or a single call.

    ``run`` counts the loops at this line, from 0. ``count`` is the number of backwards, of which ``iterations`` has the
    first and last ones (``--keep``). ``result`` has the values after the last update. ``optimizers`` are indices.
    """

    file: str
    line: int
    function: str
    kind: Literal["backward", "grad"]
    run: int
    count: int
    leaves: dict[str, WatchedLeaf]
    optimizers: list[int]
    iterations: list[WatchedStep]
    result: dict[str, Nested | Size]
    not_finite: int | None


class WatchFailure(Struct, frozen=True, kw_only=True):
    """The exception that ended the script, and the line of its own code that raised it."""

    type: str
    message: str
    file: str | None
    line: int | None


class WatchResult(Shown, frozen=True, kw_only=True):
    """The record of ``watch``. ``exit_code`` is that of the script; ``looked_at`` is what was looked for, in words.

    ``skipped`` are the lines of a notebook that were left out: those for IPython and for a shell.
    """

    command: Literal["watch"] = "watch"
    settings: WatchSettings
    status: Literal["finished", "exited", "error", "interrupted"]
    message: str
    exit_code: int
    failure: WatchFailure | None
    descents: list[WatchedLoop]
    descents_left_out: int = 0
    optimizers: list[WatchedOptimizer]
    findings: list[WatchFinding]
    looked_at: list[str]
    skipped: list[str] = []
    warnings: list[Notice] = []


class WatchedStepLine(Struct, frozen=True, kw_only=True, tag_field="record", tag="step"):
    """A line of ``--jsonl``: an iteration of a loop, once it is over; ``descent`` is the index of the loop."""

    descent: int
    file: str
    line: int
    step: WatchedStep


class WatchResultLine(Struct, frozen=True, kw_only=True, tag_field="record", tag="result"):
    """The last line of ``--jsonl``: the record without its settings; its descents have no iterations."""

    status: Literal["finished", "exited", "error", "interrupted"]
    message: str
    exit_code: int
    failure: WatchFailure | None
    descents: list[WatchedLoop]
    optimizers: list[WatchedOptimizer]
    findings: list[WatchFinding]
    looked_at: list[str]
    skipped: list[str]
    warnings: list[Notice]
