"""The source of the function that makes many steps of many runs, for the engine ``fast``: the runs are innermost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from gdcli.batch.recording import Slot

if TYPE_CHECKING:
    from gdcli.batch.generated import Writer

LANES = 64
"""Runs of a group, which the compiler steps with vector instructions."""
DTYPES = {torch.float32: "float32", torch.float64: "float64", torch.bool: "bool_"}


def text_of_steps(writer: Writer, evaluated: int, loss: str, gradient: Sequence[str]) -> str:
    """The function ``advance``: ``count`` steps of all runs, and signs of an end for each.

    What belongs to a group of runs is copied into one array, so that the compiler sees that nothing overlaps.
    ``evaluated`` lines of the writer are the evaluation, the others the update.
    """
    return _Steps(writer, evaluated, loss, gradient).text()


class _Steps:
    def __init__(self, writer: Writer, evaluated: int, loss: str, gradient: Sequence[str]) -> None:
        step = writer.step
        self.writer, self.loss, self.gradient = writer, loss, gradient
        self.evaluation, self.update = writer.lines[:evaluated], writer.lines[evaluated:]
        self.elements, self.dtype = step.x.size, step.x.dtype
        self.new = dict(zip((f"x{i}" for i in range(self.elements)), writer.names_of(step.update.x), strict=True))
        for k, (name, slot) in enumerate(step.state.items()):
            made = writer.names_of(step.update.state[name])
            self.new |= {f"m{k}_{i}": made[i] for i in range(slot.size)}
        self.rows = self._rows()
        self.place = {name: i for i, (name, _, _) in enumerate(self.rows)}

    def _rows(self) -> list[tuple[str, str, str]]:
        """The rows of the array: the name in the loop, where it is read from, where it is written to."""
        elements = range(self.elements)
        rows = [(f"x{i}", f"x[{i}, n]", f"x[{i}, n]") for i in elements]
        for k, slot in enumerate(self.writer.step.state.values()):
            rows += [(f"m{k}_{i}", text, text) for i, text in enumerate(_elements(f"state{k}", slot))]
        rows += [(name, text, "") for name, text, dtype in self._of_runs() if dtype == self.dtype]
        rows += [("largest", "largest[n]", ""), ("least", "least[n]", "")]
        rows += [(f"l{i}", f"landmark[{i}, n]", "") for i in elements]
        rows += [(f"g{i}", "", f"gradient[{i}, n]") for i in elements]
        rows += [("f", "loss[n]", "loss[n]"), ("signs", "", "signs[n]")]
        return rows + [(f"p{i}", f"x[{i}, n]", f"previous[{i}, n]") for i in elements]

    def _of_runs(self) -> list[tuple[str, str, torch.dtype]]:
        """What differs from run to run and stays: its name, its text, its dtype."""
        found: list[tuple[str, str, torch.dtype]] = []
        for j, slot in enumerate(self.writer.runs):
            for text in _elements(f"runs{j}", slot):
                found.append((f"r{len(found)}", text, slot.dtype))
        return found

    def _row(self, name: str) -> str:
        return f"w[{self.place[name] * LANES} + l]"

    def text(self) -> str:
        """The function."""
        writer = self.writer
        arguments = [
            "x", "gradient", "loss", "previous", *(f"state{k}" for k in range(len(writer.step.state))),
            *(f"runs{j}" for j in range(len(writer.runs))), *(f"steps{j}" for j in range(len(writer.steps))),
            *(f"each{j}" for j in range(len(writer.each))), "largest", "least", "landmark", "signs", "count", "watches",
            "until", "change", "change_of", "move", "move_of",
        ]  # fmt: skip
        lines = [
            f"def advance({', '.join(arguments)}):",
            f"    w = np.empty({len(self.rows)} * {LANES}, dtype={DTYPES[self.dtype]})",
            f"    for start in range(0, x.shape[1], {LANES}):",
            f"        for l in range({LANES}):",
            "            n = min(start + l, x.shape[1] - 1)",
            *(f"            {self._row(name)} = {source or 'zero'}" for name, source, _ in self.rows),
            "        lean = 0 if watches else count - 1  # steps of which nothing but the largest loss is seen",
            *self._loop("lean", watches=False),
            *self._loop("lean, count", watches=True),
            f"        for l in range(min({LANES}, x.shape[1] - start)):",
            "            n = start + l",
            *(f"            {target} = {self._row(name)}" for name, _, target in self.rows if target),
        ]
        return "\n".join(lines) + "\n"

    def _loop(self, steps: str, *, watches: bool) -> list[str]:
        """The loop over steps, and within it the loop over the runs of a group."""
        seen = self._seen()
        inner = [*self._read(), *self.evaluation, *seen]
        if watches:
            inner += [*self._seen_of_evaluation(), *self.update, *self._seen_of_update()]
        else:
            inner += self.update
        inner.append(f"{self._row('signs')} = seen")
        inner += [f"{self._row(name)} = {new}" for name, new in self.new.items()]
        return [
            f"        for t in range({steps}):",
            *(f"            s{j} = steps{j}[t]" for j in range(len(self.writer.steps))),
            f"            for l in range({LANES}):",
            *(f"                {line}" for line in inner),
        ]

    def _read(self) -> list[str]:
        """What a step of a run begins with."""
        runs = self._of_runs()
        names = [*self.new, *(name for name, _, dtype in runs if dtype == self.dtype)]
        lines = [f"{name} = {self._row(name)}" for name in names]
        wide = [f"{name} = {text}" for name, text, dtype in runs if dtype != self.dtype]
        each = [text for j, slot in enumerate(self.writer.each) for text in _elements(f"each{j}", slot, "t, ")]
        wide += [f"e{i} = {text}" for i, text in enumerate(each)]
        return lines + (["n = min(start + l, x.shape[1] - 1)", *wide] if wide else [])

    def _seen(self) -> list[str]:
        """A sign where the loss is too large, or where the gradient is not finite: then ``seen`` is not 0."""
        return [
            f"seen = {self._row('signs')}",
            f"size = abs({self.loss})",
            _sign(f"size <= {self._row('largest')}"),
            *(f"seen = fma({g}, zero, seen)" for g in self.gradient),
        ]

    def _seen_of_evaluation(self) -> list[str]:
        squares = " + ".join(f"{g} * {g}" for g in self.gradient)
        return [
            _sign(f"{squares} > {self._row('least')}"),
            _sign(f"{self.loss} * until[1] > until[0]"),
            _sign(f"abs({self.loss} - {self._row('f')}) - change_of * size > change"),
            f"{self._row('f')} = {self.loss}",
            *(f"{self._row(f'g{i}')} = {g}" for i, g in enumerate(self.gradient)),
            *(f"{self._row(f'p{i}')} = x{i}" for i in range(self.elements)),
        ]

    def _seen_of_update(self) -> list[str]:
        lines = ["gap, size, back = zero, zero, zero"]
        for i in range(self.elements):
            new = self.new[f"x{i}"]
            lines.append(f"gap = larger(gap, abs({new} - x{i}))")
            lines.append(f"size = larger(size, abs({new}))")
            lines.append(f"back = larger(back, abs({new} - {self._row(f'l{i}')}))")
        return [*lines, _sign("gap - move_of * size > move"), _sign("back > zero or back != back")]


def _elements(name: str, slot: Slot, before: str = "") -> list[str]:
    """The text of each element of a slot for run ``n``."""
    return [f"{name}[{before}{f'{i}, ' if slot.shape else ''}n]" for i in range(slot.size)]


def _sign(holds: str) -> str:
    """A sign of an end, where something does not hold."""
    return f"seen += zero if {holds} else one"
