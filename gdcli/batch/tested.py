"""The source of the function that steps a single run with the tests of a descent, for the engine ``fast``.

The tests and their order are those of ``stopping.BatchStopTests``, in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gdcli.batch.stepped import NJIT, Rows, Tests, new_names, tested_with
from gdcli.batch.stopping import Status

if TYPE_CHECKING:
    from gdcli.batch.generated import Writer

TOLERANCES = 6
"""Of the gradient, of the loss, of the variables: each absolute and relative. The loss to reach comes after them."""


def text_of_tests(writer: Writer, tests: Tests, evaluated: int, loss: str, gradient: Sequence[str]) -> str:
    """The function ``test``: steps run ``n`` until it ends, or ``k`` times, and says whether it has ended.

    It begins at iteration ``j``, with the rows that a group had then; ``t`` is the first place in the inputs of steps.
    A run that has no other end before iteration ``final`` ends there, as ``otherwise``.
    """
    rows = Rows(writer, tests)
    moving = [*rows.points, *rows.state]
    reads = [f"{name} = {rows.before(name)}" for name in moving]
    reads += [f"{row.name} = {rows.now(row.name)}" for row in rows.given]
    known = [row.name for row in rows.moving if row.name[0] in "pl"]
    reads += [f"{name} = {rows.before(name)}" for name in known]
    reads.append(f"norm_before = math.sqrt({_squares([rows.before(name) for name in rows.slopes])})")
    if tests.loss:
        reads.append(f"loss_before = float64({rows.before('f')})")
    inputs = [f"s{i} = steps{i}[t]" for i in range(len(writer.steps))] + rows.wide("t")
    inner = [*writer.lines[:evaluated], *_tests(rows, tests, loss, gradient), *inputs, *writer.lines[evaluated:]]
    inner.append(f"{', '.join(moving)} = {', '.join(new_names(writer))}")
    lines = [f"def test({', '.join(tested_with(writer))}):"]
    lines += [f"    {line}" for line in [*reads, "last = j + k", "while True:"]]
    lines += [f"        {line}" for line in [*inner, "j, t = j + 1, t + 1"]]
    return NJIT + "\n" + "\n".join(lines) + "\n"


def _tests(rows: Rows, tests: Tests, loss: str, gradient: Sequence[str]) -> list[str]:
    """The tests of one iteration: a run that ends leaves its state."""
    points = ", ".join(rows.points)
    finite = " and ".join(f"math.isfinite({g})" for g in gradient)
    lines = [
        f"value, norm = float64({loss}), math.sqrt({_squares(gradient)})",
        "code = 0",
        f"if not ({finite} and abs(value) < math.inf):",
        f"    code = {int(Status.DIVERGED)}",
    ]
    if not tests.maximize:
        lines += ["elif abs(value) > largest[n] and norm > norm_before:", f"    code = {int(Status.DIVERGED)}"]
    if tests.until:
        lines += [f"elif value {'>=' if tests.maximize else '<='} tolerances[{TOLERANCES}]:",
                  f"    code = {int(Status.REACHED)}"]  # fmt: skip
    met = _met(rows, tests)
    if tests.takes_all:
        met = {Status.CONVERGED_ALL: " and ".join(f"({holds})" for holds in met.values())}
    for status, holds in met.items():
        lines += [f"elif {holds}:", f"    code = {int(status)}"]
    lines += ["elif j == final:", "    code = otherwise"]
    if tests.cycles:
        same = " and ".join(f"{name} == l{i}" for i, name in enumerate(rows.points))
        landmark = ", ".join(f"l{i}" for i in range(len(rows.points)))
        lines += [
            f"if code == 0 and {same}:",
            f"    code = {int(Status.STALLED)} if j - at == 1 else {int(Status.CYCLING)}",
            "if j & (j - 1) == 0:",
            f"    {landmark} = {points}",
            "    at = j",
        ]
    lines += [
        "if code != 0:",
        f"    status[n], steps_made[n], end_norm[n], end_loss[n] = code, j, norm, {loss}",
        *(f"    end_x[{i}, n] = {name}" for i, name in enumerate(rows.points)),
        "    return True",
        "if j == last:",
        "    return False",
        "norm_before = norm",
        *(["loss_before = value"] if tests.loss else []),
        *([f"{', '.join(f'p{i}' for i in range(len(gradient)))} = {points}"] if tests.x else []),
    ]
    return lines


def _met(rows: Rows, tests: Tests) -> dict[Status, str]:
    """What each tolerance says, in the order of the tests."""
    met = {}
    if tests.gradient:
        met[Status.CONVERGED_GRAD] = "norm <= tolerances[0] + tolerances[1] * first_norm[n]"
    if tests.loss:
        met[Status.CONVERGED_LOSS] = "abs(value - loss_before) <= tolerances[2] + tolerances[3] * abs(value)"
    if tests.x:
        move = " + ".join(f"(float64({name}) - float64(p{i}))**2" for i, name in enumerate(rows.points))
        length = f"tolerances[4] + tolerances[5] * math.sqrt({_squares(rows.points)})"
        met[Status.CONVERGED_X] = f"math.sqrt({move}) <= {length}"
    return met


def _squares(names: Sequence[str]) -> str:
    return " + ".join(f"float64({name})**2" for name in names)
