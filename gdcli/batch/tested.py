"""The source of the function that steps single runs with the tests of a descent, for the engine ``fast``.

The tests and their order are those of ``stopping.BatchStopTests``, in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gdcli.batch.stopping import Status

if TYPE_CHECKING:
    from gdcli.batch.generated import Writer

TOLERANCES = 6
"""Of the gradient, of the loss, of the variables: each absolute and relative; negative where there is none."""

_TESTS = """\
value, norm = float64({loss}), math.sqrt({norm})
move, length = math.sqrt({move}), math.sqrt({length})
size = abs(value)
code = 0
if not ({finite} and size < math.inf):
    code = DIVERGED
elif not maximize and size > largest[n] and norm > norm_before:
    code = DIVERGED
elif has_until and (value >= until if maximize else value <= until):
    code = REACHED
else:
    by_gradient = tolerances[0] >= 0 and norm <= tolerances[0] + tolerances[1] * first_norm[n]
    by_loss = tolerances[2] >= 0 and abs(value - loss_before) <= tolerances[2] + tolerances[3] * size
    by_x = tolerances[4] >= 0 and has_x and move <= tolerances[4] + tolerances[5] * length
    if takes_all:
        met = (by_gradient or tolerances[0] < 0) and (by_loss or tolerances[2] < 0) and (by_x or tolerances[4] < 0)
        code = CONVERGED_ALL if met else 0
    elif by_gradient:
        code = CONVERGED_GRAD
    elif by_loss:
        code = CONVERGED_LOSS
    elif by_x:
        code = CONVERGED_X
if code == 0 and cycles:
    if at >= 0 and {same}:
        code = STALLED if i + j - at == 1 else CYCLING
    elif (i + j) & (i + j - 1) == 0:
        {here} = {points}
        at = i + j
if code != 0:
    status[c], steps_made[c], end_norm[c], end_loss[c] = code, i + j, norm, {loss}
    {ends}
    break
if j == count:
    break
loss_before, norm_before, has_x = value, norm, True
{before} = {points}
"""


def text_of_tests(writer: Writer, evaluated: int, loss: str, gradient: Sequence[str]) -> str:
    """The function ``test``: steps each of the runs ``chosen`` until it ends, or ``count`` times."""
    step = writer.step
    elements = step.x.size
    state = list(step.state.values())
    rows = [f"x{i}" for i in range(elements)]
    arguments = [
        "chosen", "x", "gradient", "loss", "previous", *(f"state{k}" for k in range(len(state))),
        *(f"runs{j}" for j in range(len(writer.runs))), *(f"steps{j}" for j in range(len(writer.steps))),
        *(f"each{j}" for j in range(len(writer.each))), "largest", "first_norm", "landmark", "landmark_at", "i",
        "count",
        "tolerances", "until", "has_until", "maximize", "takes_all", "cycles", "knows_x",
        "status", "steps_made", "end_loss", "end_norm", "end_x",
    ]  # fmt: skip
    reads = [f"{name} = x[{i}, n]" for i, name in enumerate(rows)]
    for k, slot in enumerate(state):
        reads += [f"m{k}_{i} = state{k}[{f'{i}, n' if slot.shape else 'n'}]" for i in range(slot.size)]
    number = 0
    for j, slot in enumerate(writer.runs):
        for i in range(slot.size):
            reads.append(f"r{number} = runs{j}[{f'{i}, n' if slot.shape else 'n'}]")
            number += 1
    reads += [f"l{i}, p{i} = landmark[{i}, n], previous[{i}, n]" for i in range(elements)]
    reads.append("at, has_x, loss_before = landmark_at, knows_x, float64(loss[n])")
    squares = " + ".join(f"float64(gradient[{i}, n])**2" for i in range(elements))
    reads.append(f"norm_before = math.sqrt({squares})")
    inputs = [f"s{j} = steps{j}[j]" for j in range(len(writer.steps))]
    number = 0
    for j, slot in enumerate(writer.each):
        for i in range(slot.size):
            inputs.append(f"e{number} = each{j}[j, {f'{i}, n' if slot.shape else 'n'}]")
            number += 1
    tests = _TESTS.format(
        loss=loss,
        norm=_squares(gradient),
        move=" + ".join(f"(float64({name}) - float64(p{i}))**2" for i, name in enumerate(rows)),
        length=_squares(rows),
        finite=" and ".join(f"math.isfinite({g})" for g in gradient),
        same=" and ".join(f"{name} == l{i}" for i, name in enumerate(rows)),
        here=", ".join(f"l{i}" for i in range(elements)),
        before=", ".join(f"p{i}" for i in range(elements)),
        points=", ".join(rows),
        ends="; ".join(f"end_x[{i}, c] = {name}" for i, name in enumerate(rows)),
    )
    new = writer.names_of(step.update.x)
    names = list(rows)
    for k, (name, slot) in enumerate(step.state.items()):
        names += [f"m{k}_{i}" for i in range(slot.size)]
        new += writer.names_of(step.update.state[name])
    lines = ['@njit(cache=True, nogil=True, error_model="numpy", boundscheck=False)']
    lines.append(f"def test({', '.join(arguments)}):")
    lines += [f"    {member.name} = {int(member)}" for member in Status if member.name in _TESTS]
    lines += ["    for c in range(len(chosen)):", "        n = chosen[c]"]
    lines += [f"        {line}" for line in reads]
    lines.append("        for j in range(count + 1):")
    lines += [f"            {line}" for line in writer.lines[:evaluated] + tests.splitlines() + inputs]
    lines += [f"            {line}" for line in writer.lines[evaluated:]]
    lines.append(f"            {', '.join(names)} = {', '.join(new)}")
    return "\n".join(lines) + "\n"


def _squares(names: Sequence[str]) -> str:
    return " + ".join(f"float64({name})**2" for name in names)
