"""The graph of a tape as a file: SVG or DOT."""

from __future__ import annotations

from collections.abc import Collection

from gdcli.contract.grad import GradResult
from gdcli.errors import GdcliError
from gdcli.render.graph.dot import graph_dot
from gdcli.render.graph.graph import MOST, graph_of
from gdcli.render.graph.svg import graph_svg


def graph_file(record: GradResult, ending: str, digits: int, matrix_operations: Collection[str]) -> bytes:
    """The graph of a record that has a tape, as ".svg" or ".dot".

    Raises:
        GdcliError: for a graph that is too large to be drawn.
    """
    graph = graph_of(record, digits, matrix_operations)
    if ending == ".dot":
        return graph_dot(graph).encode()
    if len(graph.nodes) > MOST:
        message = f"the graph has {len(graph.nodes):,} nodes, but at most {MOST:,} are drawn"
        raise GdcliError("limit", message, "save it as .dot, for Graphviz")
    return graph_svg(graph, alone=True).encode()
