"""The script of ``fit-linear`` with data: it reads the file, makes the columns of X, and descends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from gdcli.cells import delimiter_of
from gdcli.codegen.descent import Loop
from gdcli.codegen.files import quoted
from gdcli.codegen.program import printed_alone
from gdcli.codegen.script import Script
from gdcli.complete.regression import as_descent, data_of, most_steps
from gdcli.contract.regression import RegressionSettings
from gdcli.errors import GdcliError
from gdcli.lang.parsing import parse
from gdcli.lang.values import bind
from gdcli.regression.losses import LOSSES, loss_expression
from gdcli.regression.plan import Plan, feature_expression, plan
from gdcli.rules.catalogue import RULES
from gdcli.unreadable import unreadable

_LINES = (".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv", ".txt", ".dat", *_LINES)


def regression_script(settings: RegressionSettings) -> str:
    """A script that reads the data, descends and prints each state; ``settings`` are complete.

    Raises:
        GdcliError: for options that a script cannot have.
    """
    _check(settings)
    return RegressionScript(settings).text()


def _check(s: RegressionSettings) -> None:
    """Raise GdcliError for what a script does not do."""
    suffix = PurePath(s.data[0]).suffix.lower()
    batches = s.batch_size is not None
    rule = f"--optimizer {s.optimizer}"
    reasons: Sequence[tuple[str, str, bool]] = [
        ("the other files", "a script reads one CSV, TSV or JSON lines file", len(s.data) > 1),
        ("", "a script reads one CSV, TSV or JSON lines file", suffix not in _TABLES),
        ("--validate", "a script keeps no rows apart for validation", s.validate is not None),
        ("--missing mean", "a script does not put means in the place of missing values", s.missing == "mean"),
        ("--in-memory no", "a script has the data in memory", s.in_memory == "no"),
        ("--init", "a script starts from zeros", bool(s.init)),
        ("--steps", "a script of batches makes whole epochs", batches and s.steps is not None),
        ("the tolerances", "a script of batches has no tolerances", batches and _has_tolerance(s)),
        ("--schedule and --lr-factor", "a script of batches keeps its learning rate", batches and _changes(s)),
        ("clipping", "a script of batches does not clip", batches and bool(s.clip_norm or s.clip_value)),
        (rule, "a script does not evaluate a batch again", batches and RULES[s.optimizer].evaluates),
        ("--l1", "a script makes no proximal steps", bool(s.l1)),
        (rule, f"{s.optimizer} needs the Hessian, which a script of a regression does not have",
         RULES[s.optimizer].second_order),
    ]  # fmt: skip
    for option, reason, applies in reasons:
        if applies:
            hint = f"leave out {option}, or --code" if option else "write the data as CSV, or leave out --code"
            raise GdcliError("code", f"--code cannot write this run: {reason}", hint)


def _has_tolerance(s: RegressionSettings) -> bool:
    return any(each is not None for each in (s.tol_grad, s.tol_loss, s.tol_x, s.until))


def _changes(s: RegressionSettings) -> bool:
    return s.schedule != "none" or bool(s.lr_factor)


class _Named(float):
    """A learning rate that the script computes; it is written as its name."""

    def __repr__(self) -> str:
        return "rate"


class RegressionScript:
    """The parts of the script."""

    def __init__(self, settings: RegressionSettings) -> None:
        self.settings = settings
        rows = data_of(settings)
        self.plan: Plan = plan(settings, rows.columns, rows.name)
        rate = _Named(1.0) if settings.lr == "auto" else float(settings.lr or 0.0)
        moving = ["w", "b"] if settings.intercept else ["w"]
        self.descent = as_descent(settings, lr=1.0, lrs=dict.fromkeys(moving, rate))
        expression = parse(loss_expression(settings))
        given: dict[str, Any] = {"w": [0.0], "X": [[0.0]], "y": [0.0], "b": 0.0}
        self.script = Script(
            self.descent, [expression], bind([expression], {n: given[n] for n in expression.variables})
        )
        loss, lines = self.script.result(expression, "loss")
        self.loop = _Loop(self.script, self.descent, moving, loss)
        self.loop.loss_lines = lines
        self.moving = moving

    def text(self) -> str:
        """The script."""
        s, script = self.settings, self.script
        row = RULES[s.optimizer]
        title = f"Fit {s.target} by {row.method}" if not row.path else f"Fit {s.target} with {row.path}"
        size = s.batch_size
        body = self.loop.lines() if size is None else self._epochs(size)
        count = [] if size is not None else [f"{self.loop.steps} = {most_steps(s)}"]
        parts = [self._reading(), self._columns(), self._start(), [*self.loop.rule.setup(), *count]]
        script.printer.modules.add("json" if self._is_lines else "csv")
        return script.text(f"{title}.", *parts, self.loop.rule.function(self.loop.loss_lines), body)

    @property
    def _is_lines(self) -> bool:
        return PurePath(self.settings.data[0]).suffix.lower() in _LINES

    def _reading(self) -> list[str]:
        path = self.settings.data[0]
        source = quoted(path)
        if self._is_lines:
            lines = [f'with open({source}, encoding="utf-8-sig") as file:']
            lines.append("    rows = [json.loads(line) for line in file if line.strip()]")
        else:
            delimiter = _delimiter(path)
            apart = "" if delimiter == "," else f", delimiter={quoted(delimiter)}"
            lines = [f'with open({source}, encoding="utf-8-sig", newline="") as file:']
            lines.append(f"    rows = list(csv.DictReader(file{apart}, skipinitialspace=True))")
        if self.settings.missing == "drop":
            names = ", ".join(map(quoted, (*self.plan.numbers, *self.plan.texts)))
            lines.append(
                f'rows = [row for row in rows if not {{row[name] for name in [{names}]}} & {{"", "NA", "null", None}}]'
            )
        return lines

    def _columns(self) -> list[str]:
        """The lines that make X and y."""
        s, dtype = self.settings, self.settings.dtype
        lines = [
            "",
            "def column(name):",
            "    return torch.tensor([float(row[name]) for row in rows], dtype=torch.float64)",
            "",
        ]
        if s.standardize:
            how = "(x - x.mean()) / x.std(correction=0)" if s.intercept else "x / x.square().mean().sqrt()"
            lines += ["", "def standardized(x):", f"    return {how}", "", ""]
        else:
            lines.append("")
        lines.append("columns = []")
        for place, (name, degree) in enumerate(self.plan.features.items()):
            lines += self._levels(name, place) if name in self.plan.categorical else self._powers(name, degree)
        for text in self.plan.expressions:
            expression = feature_expression(text, self.plan.numbers)
            names = {name: f"column({quoted(name)})" for name in expression.variables}
            printer, more, result = printed_alone(expression, "float64", names, self.script.new_name)
            self.script.printer.modules |= printer.modules
            lines += [*more, f"columns.append({self._scaled(result)})"]
        stacked = f"torch.stack(columns, 1).to(torch.{dtype})"
        y = f"column({quoted(s.target)}).to(torch.{dtype})"
        if s.target in self.plan.texts:
            lines.append(f"levels = sorted({{row[{quoted(s.target)}] for row in rows}})")
            y = f"torch.tensor([float(row[{quoted(s.target)}] == levels[1]) for row in rows], dtype=torch.{dtype})"
        if s.batch_size is not None:
            return [*lines, f"features = {stacked}", f"target = {y}"]
        return [*lines, f"X = {stacked}", f"y = {y}"]

    def _scaled(self, text: str) -> str:
        return f"standardized({text})" if self.settings.standardize else text

    def _powers(self, name: str, degree: int) -> list[str]:
        whole = self._scaled(f"column({quoted(name)})")
        if degree == 1:
            return [f"columns.append({whole})"]
        powers = self._scaled("x**k")
        return [f"x = {whole}", f"columns += [x, *({powers} for k in range(2, {degree + 1}))]"]

    def _levels(self, name: str, place: int) -> list[str]:
        first = next(i for i, each in enumerate(self.plan.features) if each in self.plan.categorical)
        kept = "levels[1:]" if self.settings.intercept or place > first else "levels"
        indicator = f"torch.tensor([float(row[{quoted(name)}] == level) for row in rows], dtype=torch.float64)"
        return [
            f"levels = sorted({{row[{quoted(name)}] for row in rows}})",
            f"for level in {kept}:",
            f"    columns.append({self._scaled(indicator)})",
        ]

    def _start(self) -> list[str]:
        """The coefficients at the start, and a learning rate that is computed."""
        s = self.settings
        whole = "X" if s.batch_size is None else "features"
        lines = [f"w = torch.zeros({whole}.shape[1], dtype=torch.{s.dtype}, requires_grad=True)"]
        if s.intercept:
            lines.append(f"b = torch.zeros((), dtype=torch.{s.dtype}, requires_grad=True)")
        if s.lr != "auto":
            return lines
        loss = LOSSES[s.loss]
        columns = "torch.stack([torch.ones(len(rows)), *columns], 1)" if s.intercept else "torch.stack(columns, 1)"
        if s.intercept:
            columns = columns.replace("torch.ones(len(rows))", "torch.ones(len(rows), dtype=torch.float64)")
        over = " / len(rows)" if loss.is_mean else ""
        more = f" + {2 * s.l2!r}" if s.l2 else ""
        return [
            *lines,
            "# 1 / the largest eigenvalue of the Hessian of the loss.",
            f"A = {columns}",
            f"rate = 1 / ({loss.curvature!r} * (torch.linalg.eigvalsh(A.T @ A)[-1].item(){over}){more})",
        ]

    def _epochs(self, size: int) -> list[str]:
        """The loop over epochs and batches."""
        s, loop = self.settings, self.loop
        lines = [f"generator = torch.Generator().manual_seed({s.seed})"] if s.shuffle else []
        order = "torch.randperm(len(target), generator=generator)" if s.shuffle else "torch.arange(len(target))"
        steps = ["X, y = features[chosen], target[chosen]", *loop.rule.evaluate(loop.loss_lines)]
        steps += [f"total += {loop.loss}.item() * len(y)", *loop.rule.step(), *loop.rule.after_step()]
        shown = ["epoch {epoch}", "loss {total / len(target)}", "w {w.tolist()}", *(["b {b}"] if s.intercept else [])]
        return [
            *lines,
            f"for epoch in range({most_steps(s)}):",
            "    total = 0.0",
            f"    for chosen in {order}.split({size}):",
            *(f"        {line}" for line in steps),
            f'    print(f"{", ".join(shown)}")',
        ]


class _Loop(Loop):
    """The loop on all rows."""

    def lines(self) -> list[str]:
        """The lines of the loop."""
        return [
            f"for {self.i} in range({self.steps} + 1):",
            *(f"    {line}" if line else line for line in self._body()),
        ]


def _delimiter(path: str) -> str:
    """What separates the cells of a file.

    Raises:
        OutsideError: when it cannot be read.
    """
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:  # noqa: PTH123
            return delimiter_of(file.readline())
    except OSError as error:
        raise unreadable("data", path, path, error, _TABLES) from error
