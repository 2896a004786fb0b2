"""The source of the function that makes many steps of many runs, for the engine ``fast``: the runs are innermost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from gdcli.batch.limits import MARGIN
from gdcli.batch.recording import Slot
from gdcli.batch.stopping import Stopping

if TYPE_CHECKING:
    from gdcli.batch.generated import Writer

_CACHE, _MOST_LANES, _FEWEST_LANES = 24_576, 128, 16  # bytes of the innermost cache that the array of a group takes
DTYPES = {torch.float32: "float32", torch.float64: "float64", torch.bool: "bool_"}
NJIT = '@njit(cache=True, nogil=True, error_model="numpy", boundscheck=False)'
_COMPARED = 4  # elements of a point that are compared with the landmark: a point that comes again has the same


class Tests(NamedTuple):
    """Which tests of a descent a function has, beside those for what is not finite or has grown."""

    gradient: bool = False
    loss: bool = False
    x: bool = False
    until: bool = False
    cycles: bool = False
    maximize: bool = False
    takes_all: bool = False

    @property
    def tolerances(self) -> int:
        """The number of tolerances."""
        return self.gradient + self.loss + self.x

    @property
    def is_tolerant(self) -> bool:
        """Whether runs end that neither diverge nor come to the last step."""
        return bool(self.tolerances or self.until)

    @staticmethod
    def of(stopping: Stopping) -> Tests:
        """Those that make runs end."""
        gradient, loss, x = (t is not None for t in (stopping.tol_grad, stopping.tol_loss, stopping.tol_x))
        found = Tests(gradient, loss, x, stopping.until is not None, bool(stopping.cycles), stopping.maximize)
        return found._replace(takes_all=stopping.takes_all and found.tolerances > 1)


class Row(NamedTuple):
    """A row of the array of a group: its name, where it is read from and written to, for run ``n``."""

    name: str
    source: str
    target: str = ""


class Rows:
    """What belongs to a group of runs, as rows of one array, so that the compiler sees that nothing overlaps.

    The ``lanes`` of a row are the runs of a group, which the compiler steps with vector instructions. The first rows,
    ``moving``, change from step to step; they stand a second time, as they were at the beginning of a block.
    """

    def __init__(self, writer: Writer, tests: Tests) -> None:
        self.writer, self.dtype = writer, writer.step.x.dtype
        elements = range(writer.step.x.size)
        self.points = [f"x{i}" for i in elements]
        moving = [Row(f"x{i}", f"x[{i}, n]", f"x[{i}, n]") for i in elements]
        for k, slot in enumerate(writer.step.state.values()):
            moving += [Row(f"m{k}_{i}", text, text) for i, text in enumerate(_elements(f"state{k}", slot))]
        self.state = [row.name for row in moving[len(elements) :]]
        moving += [Row(f"g{i}", f"gradient[{i}, n]", f"gradient[{i}, n]") for i in elements]
        moving.append(Row("f", "loss[n]", "loss[n]"))
        if tests.x:
            moving += [Row(f"p{i}", f"previous[{i}, n]", f"previous[{i}, n]") for i in elements]
        if tests.cycles:
            moving += [Row(f"l{i}", f"landmark[{i}, n]", f"landmark[{i}, n]") for i in elements]
        self.moving = moving
        given = [Row(name, text) for name, text, dtype in self.of_runs() if dtype == self.dtype]
        kind = DTYPES[self.dtype]
        highest = "highest" if tests.maximize else "min(largest[n] * below, highest)"
        given.append(Row("limit", f"{kind}({highest})"))
        if tests.gradient:
            norm = "(tolerances[0] + tolerances[1] * first_norm[n])"
            given.append(Row("least", f"{kind}(max({norm} * {norm} * above, lowest))"))
        self.all = [*moving, *given, Row("seen", "zero")]
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
        "w", "x", "gradient", "loss", *(["previous"] if tests.x else []), *(["landmark"] if tests.cycles else []),
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
    """The function ``advance``: makes ``count`` iterations of the runs that are alive, from iteration ``i`` on.

    A block of iterations is made with the runs innermost, and with signs of an end. A run with a sign is stepped again
    from the beginning of the block, by ``test``. ``evaluated`` lines of the writer are the evaluation, the others the
    update. Runs that have no other end before iteration ``final`` end there, as ``otherwise``. ``w`` is an array of
    ``Rows.count`` rows for each lane.
    """
    rows = Rows(writer, tests)
    new = dict(zip([*rows.points, *rows.state], new_names(writer), strict=True))
    reads = [*new, *(row.name for row in rows.all if row.name[0] == "r")]
    wide = rows.wide("t")
    inner = [f"{name} = {rows.now(name)}" for name in reads]
    inner += ["n = min(start + l, x.shape[1] - 1)", *wide] if wide else []
    inner += writer.lines[:evaluated] + _signs_of_evaluation(rows, tests, loss, gradient)
    inner += writer.lines[evaluated:] + _signs_of_update(rows, tests, new)
    inner += [f"{rows.now('seen')} = {rows.now('seen')} if fine else one"]
    inner += [f"{rows.now('f')} = {loss}", *(f"{rows.now(f'g{i}')} = {g}" for i, g in enumerate(gradient))]
    if tests.x:
        inner += [f"{rows.now(f'p{i}')} = {name}" for i, name in enumerate(rows.points)]
    inner += [f"{rows.now(name)} = {text}" for name, text in new.items()]
    given = [{"t": "j - i", "at": "before"}.get(name, name) for name in tested_with(writer)]
    copies = [f"{rows.before(row.name)} = {rows.now(row.name)}" for row in rows.moving]
    lines = [
        f"def advance({', '.join(arguments_of(writer, tests))}):",
        *(f"    {line}" for line in _limits(rows.dtype, tests)),
        f"    for start in range(0, x.shape[1], {rows.lanes}):",
        "        going = 0",
        f"        for l in range({rows.lanes}):",
        "            n = min(start + l, x.shape[1] - 1)",
        "            going += alive[n]",
        "        j, landmark_at = i, at",
        "        if going == 0:",
        "            continue",
        f"        for l in range({rows.lanes}):",
        "            n = min(start + l, x.shape[1] - 1)",
        *(f"            {rows.now(row.name)} = {row.source}" for row in rows.all),
        "        while going > 0 and (j < i + count or j == final):",
        "            k = min(i + count - j, most)",
        *([] if tests.is_tolerant else ["            k = min(k, max(FIRST, j))"]),
        *_until_a_landmark(tests),
        f"            for l in range({rows.lanes}):",
        *(f"                {line}" for line in [*copies, f"{rows.now('seen')} = zero"]),
        "            before = landmark_at",
        *_at_a_landmark(rows, tests),
        "            for t in range(j - i, j - i + k):",
        *(f"                s{i} = steps{i}[t]" for i in range(len(writer.steps))),
        f"                for l in range({rows.lanes}):",
        *(f"                    {line}" for line in inner),
        f"            for l in range(min({rows.lanes}, x.shape[1] - start)):",
        "                n = start + l",
        f"                if alive[n] and ({rows.now('seen')} != zero or j == final):",
        f"                    over = test({', '.join(given)})",
        "                    alive[n], going = not over, going - over",
        "            j += k",
        "            if k == 0:",
        "                break",
        f"        for l in range(min({rows.lanes}, x.shape[1] - start)):",
        "            n = start + l",
        *(f"            {row.target} = {rows.now(row.name)}" for row in rows.moving),
    ]
    return "\n".join(lines) + "\n"


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


def _until_a_landmark(tests: Tests) -> list[str]:
    """A block does not go beyond a power of two, where landmarks are set."""
    if not tests.cycles:
        return []
    return ["            power = 1", "            while power <= j:", "                power *= 2",
            "            k = min(k, power - j)"]  # fmt: skip


def _at_a_landmark(rows: Rows, tests: Tests) -> list[str]:
    if not tests.cycles:
        return []
    copies = [f"{rows.now(f'l{i}')} = {rows.now(name)}" for i, name in enumerate(rows.points)]
    lines = ["if j & (j - 1) == 0:", "    landmark_at = j", f"    for l in range({rows.lanes}):"]
    return [f"            {line}" for line in [*lines, *(f"        {copy}" for copy in copies)]]


def _signs_of_evaluation(rows: Rows, tests: Tests, loss: str, gradient: list[str]) -> list[str]:
    """``fine`` is false where the loss is too large, where the gradient is not finite, and where a limit is met.

    A sign may be wrong, so it is made of few operations in the dtype of the run.
    """
    lines = [f"size = abs({loss})"]
    if tests.gradient:
        norm = f"{gradient[0]} * {gradient[0]}"
        for g in gradient[1:]:
            norm = f"fma({g}, {g}, {norm})"
        lines += [
            f"norm = {norm}",
            f"fine = (fma(norm, zero, size) <= {rows.now('limit')}) & (norm > {rows.now('least')})",
        ]
    else:
        text = "size"
        for g in gradient:
            text = f"fma({g}, zero, {text})"
        lines.append(f"fine = {text} <= {rows.now('limit')}")
    if tests.until:
        lines.append(f"fine = fine & ({'-' if tests.maximize else ''}{loss} > until)")
    if tests.loss:
        lines.append(f"fine = fine & (abs({loss} - {rows.now('f')}) - change_of * size > change)")
    return lines


def _signs_of_update(rows: Rows, tests: Tests, new: dict[str, str]) -> list[str]:
    lines = []
    if tests.x:
        lines.append("gap, size = zero, zero")
        for name in rows.points:
            lines.append(f"gap = larger(gap, abs({new[name]} - {name}))")
            lines.append(f"size = larger(size, abs({new[name]}))")
        lines.append("fine = fine & (gap - move_of * size > move)")
    if tests.cycles:
        moved = [f"({new[name]} != {rows.now(f'l{i}')})" for i, name in enumerate(rows.points[:_COMPARED])]
        lines.append(f"fine = fine & ({' | '.join(moved)})")
    return lines


def new_names(writer: Writer) -> list[str]:
    """The text of each number that an update makes: of the points, then of the state."""
    update = writer.step.update
    return [text for slot in (update.x, *update.state.values()) for text in writer.names_of(slot)]


def _elements(name: str, slot: Slot, before: str = "") -> list[str]:
    """The text of each element of a slot for run ``n``."""
    return [f"{name}[{before}{f'{i}, ' if slot.shape else ''}n]" for i in range(slot.size)]
