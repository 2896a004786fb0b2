"""The source of the function that makes many steps of many runs, for the engine ``fast``: the runs are innermost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch

from gdcli.batch.limits import MARGIN, gradient_stays
from gdcli.batch.recording import Slot
from gdcli.batch.step import Step
from gdcli.batch.stopping import Stopping

if TYPE_CHECKING:
    from gdcli.batch.generated import Writer

_CACHE, _MOST_LANES, _FEWEST_LANES = 24_576, 128, 16  # bytes of the innermost cache that the array of a group takes
DTYPES = {torch.float32: "float32", torch.float64: "float64", torch.bool: "bool_"}
NJIT = '@njit(cache=True, nogil=True, error_model="numpy", boundscheck=False)'
_COMPARED = 4  # elements of a point that are compared with the landmark: a point that comes again has the same


class Tests(NamedTuple):
    """Which tests of a descent a function has, beside those for what is not finite or has grown.

    With ``stays``, a gradient that meets its tolerance once meets it from then on. ``propagates``: a gradient that is
    not finite makes all later points so.
    """

    gradient: bool = False
    loss: bool = False
    x: bool = False
    until: bool = False
    cycles: bool = False
    maximize: bool = False
    takes_all: bool = False
    stays: bool = False
    propagates: bool = False

    @property
    def tolerances(self) -> int:
        """The number of tolerances."""
        return self.gradient + self.loss + self.x

    @property
    def ends_many(self) -> bool:
        """Whether runs may end soon that do not diverge: a tolerance of 0 is met late."""
        return bool(self.tolerances > self.stays or self.until)

    @staticmethod
    def of(stopping: Stopping, step: Step) -> Tests:
        """Those that make the runs of a step end."""
        gradient, loss, x = (t is not None for t in (stopping.tol_grad, stopping.tol_loss, stopping.tol_x))
        found = Tests(gradient, loss, x, stopping.until is not None, bool(stopping.cycles), stopping.maximize)
        return found._replace(
            takes_all=stopping.takes_all and found.tolerances > 1,
            stays=gradient_stays(stopping, step),
            propagates=step.propagates,
        )


class Row(NamedTuple):
    """A row of the array of a group: its name, where it is read from and written to, for run ``n``."""

    name: str
    source: str
    target: str = ""


class Rows:
    """What belongs to a group of runs, as rows of one array, so that the compiler sees that nothing overlaps.

    The ``lanes`` of a row are the runs of a group, which the compiler steps with vector instructions. The first rows,
    ``moving``, change from step to step; they stand a second time, as they were at the beginning of a block. ``value``
    is the last loss, ``sum`` adds up the sizes of the losses of a block, and ``seen`` is not 0 after a sign of an end.
    """

    def __init__(self, writer: Writer, tests: Tests) -> None:
        self.writer, self.dtype = writer, writer.step.x.dtype
        elements = range(writer.step.x.size)
        self.points = [f"x{i}" for i in elements]
        self.slopes = [f"g{i}" for i in elements]
        moving = [Row(f"x{i}", f"x[{i}, n]", f"x[{i}, n]") for i in elements]
        for k, slot in enumerate(writer.step.state.values()):
            moving += [Row(f"m{k}_{i}", text, text) for i, text in enumerate(_elements(f"state{k}", slot))]
        self.state = [row.name for row in moving[len(elements) :]]
        moving += [Row(f"g{i}", f"gradient[{i}, n]", f"gradient[{i}, n]") for i in elements]
        if tests.loss:
            moving.append(Row("f", "loss[n]", "loss[n]"))
        if tests.x:
            moving += [Row(f"p{i}", f"previous[{i}, n]", f"previous[{i}, n]") for i in elements]
        if tests.cycles:
            moving += [Row(f"l{i}", f"landmark[{i}, n]", f"landmark[{i}, n]") for i in elements]
        self.moving = moving
        self.given = [Row(name, text) for name, text, dtype in self.of_runs() if dtype == self.dtype]
        kind = DTYPES[self.dtype]
        highest = "highest" if tests.maximize else "min(largest[n] * below, highest)"
        self.limits = [Row("limit", f"{kind}({highest})")]
        if tests.gradient:
            norm = "(tolerances[0] + tolerances[1] * first_norm[n])"
            self.limits.append(Row("least", f"{kind}(max({norm} * {norm} * above, lowest))"))
        working = [Row(name, "zero") for name in ("value", "sum", "seen")]
        self.all = [*moving, *self.given, *self.limits, *working]
        self.place = {row.name: i for i, row in enumerate(self.all)}
        self.count = len(self.all) + len(moving)
        self.lanes = _MOST_LANES
        while self.lanes > _FEWEST_LANES and self.count * self.lanes * self.dtype.itemsize > _CACHE:
            self.lanes //= 2

    @property
    def size(self) -> int:
        """The size of the array."""
        return self.count * self.lanes

    def of_runs(self) -> list[tuple[str, str, torch.dtype]]:
        """What differs from run to run and stays: its name, its text, its dtype."""
        found: list[tuple[str, str, torch.dtype]] = []
        for j, slot in enumerate(self.writer.runs):
            for text in _elements(f"runs{j}", slot):
                found.append((f"r{len(found)}", text, slot.dtype))
        return found

    def now(self, name: str) -> str:
        """The text of a row."""
        return f"w[{self.place[name] * self.lanes} + l]"

    def before(self, name: str) -> str:
        """The text of a moving row, at the beginning of the block."""
        return f"w[{(len(self.all) + self.place[name]) * self.lanes} + l]"

    def wide(self, t: str) -> list[str]:
        """The lines that read what is no row: of another dtype, or different in each step ``t``."""
        lines = [f"{name} = {text}" for name, text, dtype in self.of_runs() if dtype != self.dtype]
        each = [text for j, slot in enumerate(self.writer.each) for text in _elements(f"each{j}", slot, f"{t}, ")]
        return lines + [f"e{i} = {text}" for i, text in enumerate(each)]


def arguments_of(writer: Writer, tests: Tests) -> list[str]:
    """What ``advance`` is called with, in order."""
    return [
        "w", "x", "gradient", *(["loss"] if tests.loss else []), *(["previous"] if tests.x else []),
        *(["landmark"] if tests.cycles else []),
        *(f"state{k}" for k in range(len(writer.step.state))), *_inputs(writer),
        "largest", "first_norm", "alive", "tolerances", "at", "i", "count", "most", "final", "otherwise",
        "status", "steps_made", "end_loss", "end_norm", "end_x",
    ]  # fmt: skip


def tested_with(writer: Writer) -> list[str]:
    """What ``test`` is called with, in order: it tests run ``n``, lane ``l`` of a group, from iteration ``j`` on."""
    return [
        "w", "l", "n", "j", "t", "k", *_inputs(writer), "largest", "first_norm", "tolerances", "at",
        "final", "otherwise", "status", "steps_made", "end_loss", "end_norm", "end_x",
    ]  # fmt: skip


def _inputs(writer: Writer) -> list[str]:
    kinds = (("runs", writer.runs), ("steps", writer.steps), ("each", writer.each))
    return [f"{name}{j}" for name, slots in kinds for j in range(len(slots))]


def text_of_steps(writer: Writer, tests: Tests, evaluated: int, loss: str, gradient: list[str]) -> str:
    """The functions ``evaluate``, which computes loss and gradient of a group, and ``advance``, which steps all groups.

    ``advance`` makes ``count`` iterations of the runs that are alive, from iteration ``i`` on; from iteration 0 on it
    finds out first what the tests compare with. A block of iterations is made with the runs innermost, and with signs
    of an end. A run with a sign is stepped again from the beginning of the block, by ``test``. ``evaluated`` lines of
    the writer are the evaluation, the others the update. Runs that have no other end before iteration ``final`` end
    there, as ``otherwise``. ``w`` is an array of ``Rows.count`` rows for each lane.
    """
    rows = Rows(writer, tests)
    new = dict(zip([*rows.points, *rows.state], new_names(writer), strict=True))
    reads = [*new, *(row.name for row in rows.given)]
    wide = rows.wide("t")
    inner = [f"{name} = {rows.now(name)}" for name in reads]
    inner += ["n = min(start + l, x.shape[1] - 1)", *wide] if wide else []
    signs = _signs_of_evaluation(rows, tests, loss, gradient, at_the_end=False)
    updated = _signs_of_update(rows, tests, new)
    inner += [*writer.lines[:evaluated], *signs, *writer.lines[evaluated:], *updated]
    if fine := _tested(signs + updated):
        inner.append(f"{rows.now('seen')} = {rows.now('seen')} if {' & '.join(fine)} else one")
    if tests.loss:
        inner.append(f"{rows.now('f')} = {loss}")
    if tests.x:
        inner += [f"{rows.now(f'p{i}')} = {name}" for i, name in enumerate(rows.points)]
    inner += [f"{rows.now(name)} = {text}" for name, text in new.items()]
    at_the_end = _signs_at_the_end(rows, tests)
    given = [{"t": "j - i", "at": "before"}.get(name, name) for name in tested_with(writer)]
    copies = [f"{rows.before(row.name)} = {rows.now(row.name)}" for row in rows.moving]
    lanes = f"for l in range({rows.lanes}):"
    lines = [
        "def evaluate(w):",
        f"    {lanes}",
        *(f"        {name} = {rows.now(name)}" for name in rows.points),
        *(f"        {line}" for line in writer.lines[:evaluated]),
        f"        {rows.now('value')} = {loss}",
        *(f"        {rows.now(name)} = {g}" for name, g in zip(rows.slopes, gradient, strict=True)),
        "",
        "",
        NJIT,
        f"def advance({', '.join(arguments_of(writer, tests))}):",
        *(f"    {line}" for line in _limits(rows.dtype, tests)),
        f"    for start in range(0, x.shape[1], {rows.lanes}):",
        f"        width = min({rows.lanes}, x.shape[1] - start)",
        "        going = 0",
        "        for n in range(start, start + width):",
        "            going += alive[n]",
        "        if going == 0:",
        "            continue",
        "        there = going",
        "        for l in range(width):",
        "            n = start + l",
        *(f"            {rows.now(row.name)} = {row.source}" for row in [*rows.moving, *rows.given]),
        "        if i == 0:",
        *(f"            {line}" for line in _at_the_start(rows)),
        "        for l in range(width):",
        "            n = start + l",
        *(f"            {rows.now(row.name)} = {row.source}" for row in rows.limits),
        "        j, landmark_at = i, at",
        "        while going > 0 and (j < i + count or j == final):",
        "            k = min(i + count - j, most)",
        *([] if tests.ends_many else ["            k = min(k, max(FIRST, j))"]),
        f"            {lanes}",
        *(f"                {line}" for line in copies),
        *(f"                {rows.now(name)} = zero" for name in ("sum", "seen")),
        "            before = landmark_at",
        "            for t in range(j - i, j - i + k):",
        "                if t == j - i + k - 1:",
        "                    evaluate(w)",
        *(f"                {line}" for line in _at_a_landmark(rows, tests)),
        *(f"                s{i} = steps{i}[t]" for i in range(len(writer.steps))),
        f"                {lanes}",
        *(f"                    {line}" for line in inner),
        "            if k == 0:",
        "                evaluate(w)",
        f"                {lanes}",
        *(f"                    {line}" for line in _signs_of_end(rows, tests)),
        "                for l in range(width):",
        "                    n = start + l",
        "                    if going == there or alive[n]:",
        *(f"                        {line}" for line in _end(rows)),
        "            seen = 0",
        f"            {lanes}",
        *(f"                {line}" for line in at_the_end),
        f"                {rows.now('seen')} = zero if fine else one",
        "                seen += not fine",
        "            if seen > 0:",
        "                for l in range(width):",
        "                    n = start + l",
        f"                    if alive[n] and {rows.now('seen')} != zero:",
        f"                        over = test({', '.join(given)})",
        "                        alive[n], going = not over, going - over",
        "            j += k",
        "            if k == 0:",
        "                break",
        "        if going > 0:",
        "            for l in range(width):",
        "                n = start + l",
        *(f"                {row.target} = {rows.now(row.name)}" for row in rows.moving),
    ]
    return "\n".join(lines) + "\n"


def _tested(lines: list[str]) -> list[str]:
    """The names of what is tested in some lines."""
    return [line.split(" = ")[0] for line in lines if line.startswith("fine")]


def _at_the_start(rows: Rows) -> list[str]:
    """What the tests compare with, from iteration 0."""
    squares = " + ".join(f"float64({rows.now(name)})**2" for name in rows.slopes)
    lines = [
        f"largest[n] = GROWTH * max(1.0, abs(float64({rows.now('value')})))",
        f"first_norm[n] = math.sqrt({squares})",
    ]
    unknown = [(row.name, "inf" if row.name[0] in "fp" else "nan") for row in rows.moving if row.name[0] in "fpl"]
    return [
        "evaluate(w)",
        "for l in range(width):",
        "    n = start + l",
        *(f"    {line}" for line in lines),
        *([f"for l in range({rows.lanes}):"] if unknown else []),
        *(f"    {rows.now(name)} = {number}" for name, number in unknown),
    ]


def _end(rows: Rows) -> list[str]:
    """The end of run ``n`` in iteration ``final``."""
    squares = " + ".join(f"float64({rows.now(name)})**2" for name in rows.slopes)
    return [
        f"status[n], steps_made[n], end_loss[n] = otherwise, j, {rows.now('value')}",
        f"end_norm[n] = math.sqrt({squares})",
        *(f"end_x[{i}, n] = {rows.now(name)}" for i, name in enumerate(rows.points)),
    ]


def _limits(dtype: torch.dtype, tests: Tests) -> list[str]:
    """What signs are compared with: a little wider than what is tested, which is computed in float64."""
    kind, tiny = DTYPES[dtype], repr(torch.finfo(dtype).tiny)
    lines = [f"above, below, lowest, highest = {1 + MARGIN}, {1 - MARGIN}, {tiny}, {torch.finfo(dtype).max!r}"]
    if tests.until:
        lines.append(f"until = {'-' if tests.maximize else ''}tolerances[6]")
        lines.append(f"until = {kind}(until + abs(until) * {MARGIN} + 1e-30)")
    for place, name in ((2, "change"), (4, "move")):
        if tests.loss if name == "change" else tests.x:
            lines.append(f"{name} = {kind}(tolerances[{place}] * above + lowest)")
            lines.append(f"{name}_of = {kind}(tolerances[{place + 1}] * above)")
    if tests.x:
        lines.append(f"move_of = move_of * {kind}(x.shape[0] ** 0.5)")
    return lines


def _at_a_landmark(rows: Rows, tests: Tests) -> list[str]:
    """The landmark of each power of two."""
    if not tests.cycles:
        return []
    copies = [f"{rows.now(f'l{i}')} = {rows.now(name)}" for i, name in enumerate(rows.points)]
    return [
        "if (i + t) & (i + t - 1) == 0:",
        "    landmark_at = i + t",
        f"    for l in range({rows.lanes}):",
        *(f"        {copy}" for copy in copies),
    ]


def _signs_of_evaluation(
    rows: Rows, tests: Tests, loss: str, gradient: Sequence[str], *, at_the_end: bool
) -> list[str]:
    """Adds up the sizes of the losses; a name that begins with ``fine`` is false where a limit is met.

    A sign may be wrong, so it is made of few operations in the dtype of the run. What is not finite remains so in the
    sum.
    """
    lines = [f"size = abs({loss})"]
    total = f"{rows.now('sum')} + size"
    if tests.gradient and not tests.stays:
        norm = f"{gradient[0]} * {gradient[0]}"
        for g in gradient[1:]:
            norm = f"fma({g}, {g}, {norm})"
        lines += [f"norm = {norm}", f"fine_gradient = norm > {rows.now('least')}"]
        if not tests.propagates or at_the_end:
            total = f"fma(norm, zero, {total})"
    elif not tests.propagates or at_the_end:
        for g in gradient:
            total = f"fma({g}, zero, {total})"
    lines.append(f"{rows.now('sum')} = {total}")
    if tests.until:
        lines.append(f"fine_until = {'-' if tests.maximize else ''}{loss} > until")
    if tests.loss:
        lines.append(f"fine_loss = abs({loss} - {rows.now('f')}) - change_of * size > change")
    return lines


def _signs_of_update(rows: Rows, tests: Tests, new: dict[str, str]) -> list[str]:
    lines = []
    if tests.x:
        lines.append("gap, size = zero, zero")
        for name in rows.points:
            lines.append(f"gap = larger(gap, abs({new[name]} - {name}))")
            lines.append(f"size = larger(size, abs({new[name]}))")
        lines.append("fine_x = gap - move_of * size > move")
    if tests.cycles:
        moved = [f"({new[name]} != {rows.now(f'l{i}')})" for i, name in enumerate(rows.points[:_COMPARED])]
        lines.append(f"fine_cycles = {' | '.join(moved)}")
    return lines


def _signs_of_end(rows: Rows, tests: Tests) -> list[str]:
    """The signs of the iteration in which all runs end, by what ``evaluate`` has made."""
    signs = _signs_of_evaluation(rows, tests, rows.now("value"), [rows.now(name) for name in rows.slopes],
                                 at_the_end=True)  # fmt: skip
    fine = _tested(signs)
    return [*signs, *([f"{rows.now('seen')} = zero if {' & '.join(fine)} else one"] if fine else [])]


def _signs_at_the_end(rows: Rows, tests: Tests) -> list[str]:
    """Whether a run is ``fine`` after a block."""
    total = rows.now("sum")
    if tests.propagates:
        for name in rows.points:
            total = f"fma({rows.now(name)}, zero, {total})"
    lines = [f"fine = ({total} <= {rows.now('limit')}) & ({rows.now('seen')} == zero)"]
    if tests.stays:
        first, *others = (rows.now(name) for name in rows.slopes)
        norm = f"{first} * {first}"
        for g in others:
            norm = f"fma({g}, {g}, {norm})"
        lines.append(f"fine = fine & ({norm} > {rows.now('least')})")
    return lines


def new_names(writer: Writer) -> list[str]:
    """The text of each number that an update makes: of the points, then of the state."""
    update = writer.step.update
    return [text for slot in (update.x, *update.state.values()) for text in writer.names_of(slot)]


def _elements(name: str, slot: Slot, before: str = "") -> list[str]:
    """The text of each element of a slot for run ``n``."""
    return [f"{name}[{before}{f'{i}, ' if slot.shape else ''}n]" for i in range(slot.size)]
