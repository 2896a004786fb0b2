"""The tape as a tree: each node with its value, the local derivative, and the gradient that reached it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from msgspec import UnsetType
from rich.console import Group, RenderableType
from rich.tree import Tree

from gdcli.contract.fields import Nested
from gdcli.contract.grad import TapeNode
from gdcli.render.numbers import norm as size
from gdcli.render.numbers import number, tensor
from gdcli.render.program_tape import MOST, Program, shortened
from gdcli.render.text import Text

_LINES = 60  # largest number of nodes that are shown without --depth
_INDENT = 4  # cells that a level of the tree takes
_HEAD = 3  # elements of a tensor that are shown
_RULE = 48  # characters of a rule that are shown
_TERMS = 8  # contributions that are shown
NORM = "norm "
"""What a tensor that is not shown begins with, before its norm."""

_LEGEND = (
    "local: derivative of the line above with respect to this one; "
    "grad: derivative of the result with respect to this one (local x grad above)"
)


def tape_tree(
    nodes: Sequence[TapeNode],
    totals: Mapping[str, Nested],
    depth: int,
    digits: int,
    width: int,
    matrix_operations: Collection[str],
) -> RenderableType:
    """The tree, and how the contributions to each variable add up to its gradient in ``totals``.

    ``depth`` 0 shows as many levels as fit. No local derivative is shown below ``matrix_operations``, where it is not
    one number per element. A program has a tree for each statement.
    """
    program = None if isinstance(nodes[0].line, UnsetType) else Program(nodes)
    levels = _levels(nodes)
    limit = depth or _fitting_depth(levels)
    lines_only = program is not None and limit == 1
    branches: dict[int, Tree] = {}
    for node in nodes:
        level = levels[node.id]
        if level > limit:
            continue
        parent = None if node.parent is None else nodes[node.parent]
        is_elementwise = parent is not None and parent.op not in matrix_operations
        text = _line(node, program, digits, width - _INDENT * (level - 1), with_local=is_elementwise)
        if node.parent is None:
            branches[node.id] = Tree(text, guide_style="dim")
        else:
            branches[node.id] = branches[node.parent].add(text)
        if level == limit and not lines_only and (below := _descendants(nodes, node.id)):
            branches[node.id].add(Text(f"{below} more below (--depth {limit + 1})", "dim italic"))
    if program is None:
        return Group(Text(_LEGEND, "dim"), branches[0], *_contributions(nodes, totals, digits))
    trees: list[RenderableType] = [branches[root.id] for root in program.roots]
    if not depth and len(trees) > MOST:
        left_out = Text(f"… {len(trees) - MOST:,} statements left out (--depth 1 shows them)", "dim italic")
        trees = [*trees[: MOST // 2], left_out, *trees[-MOST // 2 :]]
    if lines_only and len(nodes) > len(program.roots):
        trees.append(Text("the parts of the statements are left out (--depth 2)", "dim italic"))
    sums = [
        program.sum(name, short_value(total, None, digits), lambda node: short_value(node.grad, node.grad_norm, digits))
        for name, total in totals.items()
    ]
    return Group(Text(f"statements from the result back; {_LEGEND}", "dim"), *trees, *map(Text, filter(None, sums)))


def _levels(nodes: Sequence[TapeNode]) -> dict[int, int]:
    levels: dict[int, int] = {}
    for node in nodes:  # parents come first
        levels[node.id] = 1 if node.parent is None else levels[node.parent] + 1
    return levels


def _fitting_depth(levels: dict[int, int]) -> int:
    """The greatest depth down to which at most ``_LINES`` nodes are shown."""
    shown, depth = 0, 0
    for level, count in sorted(Counter(levels.values()).items()):
        if shown + count > _LINES and depth:
            break
        shown, depth = shown + count, level
    return depth


def _descendants(nodes: Sequence[TapeNode], root: int) -> int:
    below = {root}
    for node in nodes:
        if node.parent in below:
            below.add(node.id)
    return len(below) - 1


def _line(node: TapeNode, program: Program | None, digits: int, width: int, *, with_local: bool) -> Text:
    """``x**2 = 225  PowBackward0  local 1  grad 0.00124844``, on two lines if it is long, and the note below.

    Of a statement, ``line 5: y = x**2 = 225`` and so on, and how its gradient adds up.
    """
    value = f" = {short_value(node.value, node.norm, digits)}{_shape(node)}"
    made_by = f"  {node.grad_fn}" if node.grad_fn else ""
    is_statement = program is not None and node.parent is None
    lead = program.lead(node) if program is not None and is_statement else ""
    source = node.text if program is None else program.statement(node)
    room = width - len(lead) - len(value) - len(made_by)
    if is_statement and len(source) > room:  # it stays whole
        value, room = f"\n{value[1:]}", width - len(lead)
    source = shortened(source, max(12, room))
    is_bold = node.kind == "variable" or is_statement
    line = Text.assemble((lead, "dim"), (source, "bold" if is_bold else ""), value, (made_by, "dim"))
    parts = _facts(node, digits, with_local=with_local)
    facts = Text("  ").join(parts)
    if len(facts) > width:  # a rule may be long: each on a line of its own
        facts = Text("\n").join(parts)
    if facts:
        last = len(line.plain.rpartition("\n")[2])
        line.append("  " if last + len(facts) + 2 <= width else "\n").append(facts)
    if program is not None and is_statement:
        total = short_value(node.grad, node.grad_norm, digits)
        added = program.sum(node.id, total, lambda use: short_value(use.grad, use.grad_norm, digits))
        line.append(f"\n{added}" if added else "")
    if node.note:
        line.append(f"\n{node.note}", "dim italic")
    return line


def _facts(node: TapeNode, digits: int, *, with_local: bool) -> list[Text]:
    """The local derivative, if requested, and the gradient."""
    facts = []
    if node.local is not None and with_local:
        value = short_value(node.local, None, digits)
        says_more = node.rule and {node.rule} != set(re.findall(r"[^\[\], ]+", value))
        rule = f"{shortened(node.rule, _RULE)} = " if says_more else ""
        facts.append(Text.assemble(("local ", "dim"), rule, (value, "yellow")))
    if node.grad is not None or node.grad_norm is not None:
        facts.append(Text.assemble(("grad ", "dim"), (short_value(node.grad, node.grad_norm, digits), "green")))
    return facts


def _shape(node: TapeNode) -> str:
    return f" {tuple(node.shape)}" if node.shape else ""


def short_value(value: Nested, norm: float | None, digits: int) -> str:
    """A number; the first elements of a list of numbers; the norm of anything larger."""
    if isinstance(value, list):
        if not any(isinstance(item, list) for item in value):
            head = [number(item, digits) for item in value[:_HEAD]]
            return f"[{', '.join(head)}{', …' if len(value) > _HEAD else ''}]"
        if len(value) * len(value[0]) <= _HEAD:
            return tensor(value, digits).replace("\n", "")
        return f"{NORM}{number(size(value), digits)}"
    if value is None:
        return "None" if norm is None else f"{NORM}{number(norm, digits)}"
    return number(value, digits)


def _contributions(nodes: Sequence[TapeNode], totals: Mapping[str, Nested], digits: int) -> list[Text]:
    """One line per variable that is used more than once: the sum of its gradients, or norms where it is a matrix."""
    uses: dict[str, list[TapeNode]] = {}
    for node in nodes:
        if node.kind == "variable" and (node.grad is not None or node.grad_norm is not None):
            uses.setdefault(node.op, []).append(node)
    lines = []
    for name, found in uses.items():
        if len(found) > 1:
            terms = [short_value(node.grad, node.grad_norm, digits) for node in found[:_TERMS]]
            total = short_value(totals[name], None, digits)
            added = _sum(terms, len(found) - len(terms), total)
            lines.append(Text(f"{name} is used {len(found)} times, and its gradients add up: {added}"))
    return lines


def _sum(terms: Sequence[str], left_out: int, total: str) -> str:
    """``2 + (-1) = 1``; of matrices the norms, which do not add up: ``norms 3 and 4, that of the sum 5``."""
    if total.startswith(NORM):
        norms = [term.removeprefix(NORM) for term in terms]
        *first, last = [*norms, f"{left_out} more"] if left_out else norms
        return f"norms {', '.join(first)} and {last}, that of the sum {total.removeprefix(NORM)}"
    texts = [f"({term})" if term.startswith("-") else term for term in terms]
    return f"{' + '.join(texts)}{' + …' * bool(left_out)} = {total}"
