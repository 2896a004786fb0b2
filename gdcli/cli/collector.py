"""Collecting the states of a descent that the table, the pictures and the page need, while they are printed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from gdcli.cli.output import Output
from gdcli.cli.progress import with_progress
from gdcli.cli.save import save, targets
from gdcli.cli.show import Report, report_for_people, with_notices
from gdcli.cli.title import task, title_of
from gdcli.contract.descent import MinimizeSettings, Step, Update
from gdcli.contract.envelope import Notice
from gdcli.contract.plot import notices_about, spelled_out
from gdcli.memory import Ends, Shown, Thinned, capacity

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gdcli.contract.figure import Figure
    from gdcli.descent.loop import State
    from gdcli.descent.run import Descent

Item: TypeAlias = "tuple[State, Sequence[Update]]"
"""A state, and with ``--walk`` the updates that were made from it."""

_MOST_STEPS = 20_000  # in a page
_ELEMENTS = 500_000  # of variables and gradients, in all steps of a page


class Collector:
    """Keeps those states of a descent that the table, the pictures and the page need."""

    def __init__(self, descent: Descent[Any], output: Output, states: Iterable[State] | None = None) -> None:
        """``states`` are those of the descent, if they pass through another iterator first."""
        from gdcli.landscape.trail import Trail

        self.descent = descent
        self.output = output
        self.title = title_of(descent)
        self.states = with_progress(descent, quiet=output.quiet) if states is None else states
        self.walks = descent.settings.walk
        kinds = {target.kind for target in targets(output.save)}
        has_table = output.format == "table" or "table" in kinds
        self.rows: Ends[Item] | None = Ends(every=output.every, keep_all=output.all) if has_table else None
        self.trail = Trail(descent.settings.optimizer) if output.plot or kinds - {"table"} else None
        self.kept: Thinned[Item] | None = None
        if "page" in kinds:
            self.kept = Thinned(capacity(2 * descent.problem.unknowns, most=_MOST_STEPS, least=4, elements=_ELEMENTS))

    def iterations(self) -> Iterator[Item]:
        """The iterations of the record, as they are computed; the state after the last update is not one of them."""
        return (item for item in self.states_and_updates() if self.descent.is_iteration(item[0]))

    def states_and_updates(self) -> Iterator[Item]:
        """The states as they are computed, the one after the last update included."""
        seen = self._seen()
        for item in self.descent.walk(seen) if self.walks else ((state, ()) for state in seen):
            iteration = item[0].iteration
            if self.descent.is_iteration(item[0]):
                if self.rows is not None:
                    self.rows.add(iteration, item)
                if self.kept is not None:
                    self.kept.add(iteration, item)
            yield item

    def _seen(self) -> Iterator[State]:
        for state in self.states:
            if self.trail is not None:
                self.trail.add(state)
            yield state

    def record(self, items: Iterable[tuple[Step, Sequence[Update]]]) -> Any:
        """The record of these steps and updates."""
        steps: list[Step] = []
        updates: list[Update] = []
        for step, made in items:
            steps.append(step)
            updates += made
        return with_notices(self.descent.record(steps, updates), self.output.heard.notices())

    @functools.cached_property
    def outcome(self) -> Any:
        """The outcome of the descent, with what libraries have warned of."""
        outcome = self.descent.outcome
        return outcome if self.output.format == "csv" else with_notices(outcome, self.output.heard.notices())

    @functools.cached_property
    def figure(self) -> Figure:
        """The picture, once the descent has ended."""
        from gdcli.landscape.descent import figure_of

        if self.trail is None:
            raise RuntimeError("no picture was requested")
        return figure_of(self.descent, self._spelled_title(), self.trail)

    def _spelled_title(self) -> str:
        """The task, with the expression if a problem was given by name."""
        from gdcli.complete.problem import expression_of

        settings = self.descent.settings
        if not isinstance(settings, MinimizeSettings):
            return task(settings)
        return task(settings, spelled_out(settings.expression, expression_of(settings)))

    def report(self) -> Report:
        """The printed report: with ``--plot`` the picture, instead of the table or below it."""
        outcome = self.outcome
        if not self.output.plot:
            return self._report(self._table, outcome.warnings)
        notices = [*outcome.warnings, *notices_about(self.figure)]
        if self.output.all or self.output.every > 1 or self.walks:
            return self._report(lambda width: self._above_picture(self._table(width)), notices)
        return self._report(lambda width: self._above_picture(self._ending(width)), notices)

    def _report(self, make: Callable[[int], RenderableType], notices: Sequence[Notice]) -> Report:
        return report_for_people(make, notices, self.output, self.outcome.diagnosis)

    def _table(self, width: int) -> RenderableType:
        from gdcli.render.descent_table import DescentTable
        from gdcli.render.explanations import with_checks
        from gdcli.render.walk import WalkedStep, WalkTable

        outcome, digits = self.outcome, self.output.digits
        if self.rows is None:
            raise RuntimeError("no table was requested")
        head, left_out, tail = self.rows.shown()
        chosen = self.output.all or self.output.every > 1
        if self.walks:
            walked = [[WalkedStep(state.step(), made) for state, made in part] for part in (head, tail)]
            shown = Shown(walked[0], left_out, walked[1])
            walk = WalkTable(self.title, shown, outcome, digits, shortens=not chosen)
            return with_checks(walk, outcome, digits, width)
        steps = Shown([state.step() for state, _ in head], left_out, [state.step() for state, _ in tail])
        table = DescentTable(self.title, steps, outcome, digits, whole=self.output.all, shortens=not chosen)
        return with_checks(table, outcome, digits, width)

    def _ending(self, width: int) -> RenderableType:
        """How the descent ended."""
        from rich.console import Group

        from gdcli.render.descent_table import ending
        from gdcli.render.explanations import with_checks
        from gdcli.render.text import Text

        outcome, digits = self.outcome, self.output.digits
        return with_checks(Group(Text(self.title, "bold"), ending(outcome, digits, width)), outcome, digits, width)

    def _above_picture(self, above: RenderableType) -> RenderableType:
        from gdcli.cli.picture import above_picture

        return above_picture(above, self.figure)

    def save(self) -> None:
        """Write the files of ``--save``.

        Raises:
            OutsideError: when one cannot be written.
        """
        if self.output.save:
            table = functools.partial(self._report, self._table, self.outcome.warnings)
            save(self.output, report=table, figure=lambda: self.figure, page=self.page)

    def page(self) -> tuple[Figure, Any]:
        """The contents of the page: the picture with the gradient norm, and a record of the steps that were kept."""
        from gdcli.landscape.descent import with_gradient_norm

        if self.trail is None or self.kept is None:
            raise RuntimeError("no page was requested")
        record = self.record((state.step(), updates) for state, updates in self.kept.things)
        return with_gradient_norm(self.figure, [self.trail]), record
