"""``--plot``: the picture of a descent, gathered while it runs and drawn when it has ended."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from gdcli.figure.trail import Trail
from gdcli.results import Notice, Step

if TYPE_CHECKING:
    from gdcli.descent.loop import Descent
    from gdcli.figure.model import Figure


class Sketch:
    """Looks at the steps of a descent, and keeps as much of them as a picture needs."""

    def __init__(self, descent: Descent[Any], title: str) -> None:
        self.descent = descent
        self.title = title
        self.trail = Trail(descent.settings.optimizer)

    def watch(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The steps as they come."""
        for step in steps:
            self.trail.add(step)
            yield step

    @functools.cached_property
    def figure(self) -> Figure:
        """The figure, once the descent has ended."""
        from gdcli.figure.descent import figure_of

        final = self.descent.outcome.result
        if self.trail.last is None or self.trail.last.iteration != final.iteration:
            self.trail.add(final)
        return figure_of(self.descent, self.title, self.trail)

    @property
    def notices(self) -> list[Notice]:
        """What has to be said about the picture."""
        return [Notice(remark.code, remark.message) for remark in self.figure.remarks]

    def instead_of_table(self, digits: int) -> Any:
        """How the descent ended, and the picture."""
        from rich.console import Group
        from rich.text import Text

        from gdcli.render.table import ending
        from gdcli.render.terminal.picture import Picture

        end = ending(self.descent.outcome, digits)
        return Group(Text(self.title, "bold"), end, Text(""), Picture(self.figure, titled=False))

    def below(self, table: Any) -> Any:
        """A table, and the picture below it."""
        from rich.console import Group
        from rich.text import Text

        from gdcli.render.terminal.picture import Picture

        return Group(table, Text(""), Picture(self.figure, titled=False))
