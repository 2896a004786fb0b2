"""The tape of a gradient in a notebook: what ``explain()`` returns."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gdcli.contract.grad import GradResult
from gdcli.notebook.view import view_of, with_tape

if TYPE_CHECKING:
    from gdcli.render.graph.graph import Graph

_DIGITS = 6
_MOST = 150  # nodes of a graph in a cell


class Explanation:
    """The tape as a tree and as a graph; ``print`` shows the tree, and a notebook both.

    ``tape`` has the nodes as they stand in the record, ``svg`` is the graph as SVG and ``dot`` as DOT.
    """

    def __init__(self, record: GradResult, depth: int) -> None:
        self.record = replace(record, settings=replace(record.settings, depth=depth))
        self.tape = record.tape

    def __str__(self) -> str:
        from gdcli.render.table import print_to

        file = io.StringIO()
        print_to(file, [self._tree], plain=True)
        return file.getvalue().removesuffix("\n")

    def __repr__(self) -> str:
        return str(self)

    def _tree(self, width: int) -> Any:
        from gdcli.lang.functions import MATRIX_OPERATIONS
        from gdcli.render.gradient import tree_of

        return tree_of(self.record, _DIGITS, width, MATRIX_OPERATIONS)

    @functools.cached_property
    def svg(self) -> str:
        """The graph as SVG, dark on white.

        Raises:
            GdcliError: for a graph that is too large to be drawn.
        """
        return self._file(".svg")

    @functools.cached_property
    def dot(self) -> str:
        """The graph as text in DOT, the language of Graphviz."""
        return self._file(".dot")

    def _file(self, ending: str) -> str:
        from gdcli.lang.functions import MATRIX_OPERATIONS
        from gdcli.render.graph.file import graph_file

        return graph_file(self.record, ending, _DIGITS, MATRIX_OPERATIONS).decode()

    def save(self, *paths: Any) -> None:
        """Save the graph: ``tape.svg`` or ``tape.dot``; other endings as ``save()`` of the record.

        Raises:
            GdcliError: for a name with another ending.
            OutsideError: for a file that cannot be written.
        """
        self.record.save(*paths)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        from gdcli.render.notebook.html import html_of
        from gdcli.render.notebook.pieces import boxed

        tree = html_of([self._tree], pictures=False)
        return {"text/html": boxed(f"{tree}{graph(self.record)}"), "text/plain": str(self)}


def explain(record: GradResult, depth: int) -> Explanation:
    """The explanation of a gradient; the tape is made again where the record has none."""
    view_of(record)
    return Explanation(with_tape(record), depth)


def graph(record: GradResult) -> str:
    """The graph of a tape as HTML; what to do instead, where it is too large for a cell."""
    from gdcli.lang.functions import MATRIX_OPERATIONS
    from gdcli.render.graph.graph import graph_of
    from gdcli.render.graph.svg import graph_svg

    found: Graph = graph_of(record, _DIGITS, MATRIX_OPERATIONS)
    if len(found.nodes) > _MOST:
        return f"<p>The graph has {len(found.nodes):,} nodes: explain().save(&quot;tape.svg&quot;) draws it.</p>"
    return f'<div class="s">{graph_svg(found, alone=False)}</div>'
