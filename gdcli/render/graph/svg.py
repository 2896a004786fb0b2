"""The graph of a tape as SVG: for a file, or for a page whose colours it takes."""

from __future__ import annotations

import html

from rich.cells import cell_len

from gdcli.render.graph.graph import Edge, Graph, Node
from gdcli.render.graph.layout import layout_of

_CELL, _LINE = 7.3, 16.0  # pixels of a character and of a line, at 12 pixels
_PADDING, _MARGIN = 9.0, 10.0
_BETWEEN = 26.0  # height of the layers of words and of edges: two lines, and what an edge takes to bend
_STYLE = """\
.gdcli-t text{font:12px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:currentColor;text-anchor:middle}
.gdcli-t .name{font-weight:bold}
.gdcli-t .grad{fill:color-mix(in srgb,#00a000 62%,currentColor)}
.gdcli-t .local{fill:color-mix(in srgb,#b08000 62%,currentColor)}
.gdcli-t .legend{text-anchor:start;opacity:.72}
.gdcli-t rect{fill:none;stroke:currentColor;stroke-opacity:.55}
.gdcli-t .variable rect{fill:#3b82f6;fill-opacity:.14;stroke:#3b82f6;stroke-opacity:1}
.gdcli-t .fixed rect{fill:currentColor;fill-opacity:.08}
.gdcli-t .result rect{stroke-width:2;stroke-opacity:1}
.gdcli-t .constant rect{stroke-dasharray:4 3}
.gdcli-t .edge{fill:none;stroke:currentColor;stroke-opacity:.45}
.gdcli-t .head{fill:currentColor;fill-opacity:.6}
"""


def graph_svg(graph: Graph, *, alone: bool) -> str:
    """The graph; ``alone`` in a file, dark on white, else in the colours of the text around."""
    lines = {key: _node_lines(node) for key, node in graph.nodes.items()}
    words = [_edge_lines(edge) for edge in graph.edges]
    boxes = {key: (_width(texts) + 2 * _PADDING, len(texts) * _LINE + _PADDING) for key, texts in lines.items()}
    layout = layout_of(graph, lambda key: boxes[key][0], lambda number: _width(words[number]))
    tallest = [0.0] * layout.layers
    for key, (_, layer) in layout.nodes.items():
        tallest[layer] = max(tallest[layer], boxes[key][1])
    for number, points in enumerate(layout.edges):
        if words[number]:
            layer = points[1][1]
            tallest[layer] = max(tallest[layer], len(words[number]) * _LINE + 2 * _BETWEEN)
    middles: list[float] = []
    y = _MARGIN + _LINE + _PADDING
    for height in (max(height, _BETWEEN) for height in tallest):
        middles.append(y + height / 2)
        y += height
    legend = html.escape(graph.legend)
    width = max(layout.width, cell_len(graph.legend) * _CELL) + 2 * _MARGIN
    shift = (width - layout.width) / 2
    parts = [f'<text class="legend" x="{_MARGIN:g}" y="{_MARGIN + 11:g}">{legend}</text>']
    for number, points in enumerate(layout.edges):
        edge = graph.edges[number]
        # An edge stands upright beside the boxes of a layer, and makes room for its words.
        rooms = [tallest[layer] / 2 - (_BETWEEN if layer % 2 else 0.0) for _, layer in points]
        rooms[0], rooms[-1] = boxes[edge.source][1] / 2, boxes[edge.target][1] / 2
        rooms[1] = len(words[number]) * _LINE / 2 + 2 if words[number] else 0.0
        along = [(x + shift, middles[layer], room) for (x, layer), room in zip(points, rooms, strict=True)]
        parts += _edge(along, words[number])
    for i, (key, (x, layer)) in enumerate(layout.nodes.items()):
        kind = f"{graph.nodes[key].kind}{' result' if i == 0 else ''}"
        parts.append(_box(kind, (x + shift, middles[layer]), boxes[key], lines[key]))
    return _svg(parts, width, y + _MARGIN, alone=alone)


def _svg(parts: list[str], width: float, height: float, *, alone: bool) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    ground = '<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>' if alone else ""
    colour = ' style="color:#111"' if alone else ' style="max-width:none;color:inherit"'
    label = 'role="img" aria-label="the graph of the tape"'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gdcli-t" {size} {label}{colour}>\n'
        f"<style>\n{_STYLE}</style>\n{ground}\n{body}\n</svg>\n"
    )


def _node_lines(node: Node) -> list[tuple[str, str]]:
    """The lines of a node, each with its class."""
    found = [("name", node.text), ("", f"= {node.value}")]
    return [*found, ("grad", f"grad {node.grad}")] if node.grad else found


def _edge_lines(edge: Edge) -> list[tuple[str, str]]:
    local = [("local", f"local {edge.local}")] if edge.local else []
    return [*local, *([("grad", f"grad {edge.grad}")] if edge.grad else [])]


def _width(lines: list[tuple[str, str]]) -> float:
    return max((cell_len(text) for _, text in lines), default=0) * _CELL


def _edge(along: list[tuple[float, float, float]], words: list[tuple[str, str]]) -> list[str]:
    """A curve from place to place, each with half of the height in which it stands upright; its words are the first."""
    (x0, y0, room), *others = along
    pieces = [f"M{x0:.1f} {y0 + room:.1f}"]
    for i, (x1, y1, room1) in enumerate(others):
        half = (y0 + room + y1 - room1) / 2
        pieces.append(f"C{x0:.1f} {half:.1f} {x1:.1f} {half:.1f} {x1:.1f} {y1 - room1:.1f}")
        if i < len(others) - 1:
            pieces.append(f"{'M' if i == 0 and words else 'L'}{x1:.1f} {y1 + room1:.1f}")
        x0, y0, room = x1, y1, room1
    tip = y0 - room
    head = f"M{x0 - 4:.1f} {tip - 8:.1f}L{x0 + 4:.1f} {tip - 8:.1f}L{x0:.1f} {tip:.1f}Z"
    found = [f'<path class="edge" d="{"".join(pieces)}"/>', f'<path class="head" d="{head}"/>']
    return [*found, *_texts(along[1][:2], words)]


def _box(kind: str, middle: tuple[float, float], size: tuple[float, float], lines: list[tuple[str, str]]) -> str:
    (x, y), (width, height) = middle, size
    corner = height / 2 if kind.startswith("variable") and len(lines) < 2 else 5
    place = f'x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}"'
    rect = f'<rect {place} rx="{corner:g}"/>'
    return f'<g class="{kind}">{rect}{"".join(_texts(middle, lines))}</g>'


def _texts(middle: tuple[float, float], lines: list[tuple[str, str]]) -> list[str]:
    x, y = middle
    first = y - (len(lines) - 1) * _LINE / 2 + 4
    return [
        f'<text class="{kind}" x="{x:.1f}" y="{first + i * _LINE:.1f}">{html.escape(text)}</text>'
        for i, (kind, text) in enumerate(lines)
    ]
