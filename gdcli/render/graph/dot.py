"""The graph of a tape as DOT, the language of Graphviz."""

from __future__ import annotations

from gdcli.render.graph.graph import Graph, Key

_SHAPES = {
    "variable": "box, style=filled, fillcolor=lightblue",
    "fixed": "box, style=filled, fillcolor=lightgrey",
    "constant": "box, style=dashed",
    "operation": "box",
}


def graph_dot(graph: Graph) -> str:
    """The graph: values and gradients stand on the nodes, local derivatives and gradients on the edges."""
    names: dict[Key, str] = {key: f"n{number}" for number, key in enumerate(graph.nodes)}
    lines = ["digraph tape {", "  node [fontname=monospace, fontsize=11];", "  edge [fontname=monospace, fontsize=10];"]
    for key, node in graph.nodes.items():
        texts = [node.text, f"= {node.value}", *([node.grad_fn] * bool(node.grad_fn))]
        texts += [f"grad {node.grad}"] * bool(node.grad)
        lines.append(f"  {names[key]} [shape={_SHAPES[node.kind]}, label={_quoted(texts)}];")
    for edge in graph.edges:
        words = [f"local {edge.local}"] * bool(edge.local) + [f"grad {edge.grad}"] * bool(edge.grad)
        lines.append(f"  {names[edge.source]} -> {names[edge.target]} [label={_quoted(words)}];")
    return "\n".join([*lines, "}", ""])


def _quoted(texts: list[str]) -> str:
    escaped = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    text = "\\n".join(escaped)
    return f'"{text}"'
