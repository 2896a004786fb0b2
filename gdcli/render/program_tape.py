"""The tape of a program: a tree for each statement, from the result back, and how the gradients of a name add up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from gdcli.contract.grad import TapeNode

MOST = 60
"""Statements that are shown without ``--depth``."""
_TERMS = 8  # of a sum, that are shown
_LABEL = 28  # characters of a statement that stand in a sum whole
_AUGMENTED = re.compile(r"\w+\s*(?:\*\*|//|[-+*/%@])=(?!=)")


class Program:
    """The nodes of a tape by the statements that they belong to."""

    def __init__(self, nodes: Sequence[TapeNode]) -> None:
        """``nodes`` are those of a program."""
        self.nodes = nodes
        self.roots = [node for node in nodes if node.parent is None]
        self._several_lines = any(node.line != 1 for node in nodes)
        counts = Counter(root.name for root in self.roots if not root.function)
        self._again = {name for name, count in counts.items() if count > 1}
        self._owners = list(self._owners_of(nodes))
        self._uses: dict[int | str, list[TapeNode]] = {}
        for node in nodes:
            if node.grad is not None or node.grad_norm is not None:
                if isinstance(node.statement, int):
                    self._uses.setdefault(node.statement, []).append(node)
                elif node.kind == "variable":
                    self._uses.setdefault(node.op, []).append(node)

    def _owners_of(self, nodes: Sequence[TapeNode]) -> Iterator[TapeNode]:
        """The root above each node."""
        root = nodes[0]
        for node in nodes:
            root = node if node.parent is None else root
            yield root

    def lead(self, root: TapeNode) -> str:
        """``line 5: `` in front of a statement, with its function; nothing in a program of one line."""
        places = [f"line {root.line}"] * self._several_lines + [f"in {root.function}"] * bool(root.function)
        return f"{', '.join(places)}: " if places else ""

    def statement(self, node: TapeNode) -> str:
        """``z = W @ x``; the text of what has no name.

        A use of a name that is given several times says which one is meant.
        """
        if node.parent is not None:
            return self._use(node)
        return node.text if not node.name or _AUGMENTED.match(node.text) else f"{node.name} = {node.text}"

    def _use(self, node: TapeNode) -> str:
        if isinstance(node.statement, int):
            return self._of(node.op, node.text, self._place(self.nodes[node.statement]))
        return self._of(node.op, node.text, "") if node.kind == "variable" else node.text

    def _of(self, name: str, text: str, place: str) -> str:
        """A name, with its place, and what it is called inside a function."""
        is_called_so = text == name or "," in name  # a, b = torch.max(x, 0)
        return f"{name}{place}" if is_called_so else f"{text} ({name}{place})"

    def _place(self, root: TapeNode) -> str:
        return f" (line {root.line})" if root.name in self._again and self._several_lines else ""

    def uses(self, name: int | str) -> list[TapeNode]:
        """The uses of a name, or of a variable, that have a gradient; in the order of the program."""
        found = self._uses.get(name, [])
        places = {id(root): place for place, root in enumerate(reversed(self.roots))}
        return sorted(found, key=lambda node: places[id(self._owners[node.id])])

    def sum(self, name: int | str, total: str, short: Callable[[TapeNode], str]) -> str:
        """``gradient of c: 0.5 (in d = a*c) + 1.5 (in e = c**2) = 2``; empty for a name that is used once."""
        found = self.uses(name)
        if len(found) < 2:
            return ""
        called = name if isinstance(name, str) else f"{self.nodes[name].name}{self._place(self.nodes[name])}"
        shown = [short(node) for node in found[:_TERMS]]
        rest = len(found) - len(shown)
        if total.startswith("norm"):  # norms do not add up
            more = f", and {rest} more" if rest else ""
            return f"gradient of {called}, the sum of: {', '.join(self._terms(found, shown))}{more}; it has {total}"
        terms = [f"({text})" if text.startswith("-") else text for text in shown]
        more = f" + {rest} more" if rest else ""
        return f"gradient of {called}: {' + '.join(self._terms(found, terms))}{more} = {total}"

    def _terms(self, found: Sequence[TapeNode], texts: Sequence[str]) -> Iterator[str]:
        """The texts, each with the statement that it is from; of several from one the last."""
        owners = [self._owners[node.id] for node in found]
        for text, owner, after in zip(texts, owners, [*owners[1:], None], strict=False):
            yield text if owner is after else f"{text} (in {self._label(owner)})"

    def _label(self, root: TapeNode) -> str:
        text = f"{self.statement(root)} of {root.function}" if root.function else self.statement(root)
        if len(text) <= _LABEL:
            return text
        if self._several_lines:
            return f"line {root.line}"
        return root.name if isinstance(root.name, str) and root.name else shortened(text, _LABEL)


def shortened(text: str, width: int) -> str:
    """The text with its middle left out if it is too long."""
    if len(text) <= width:
        return text
    half = max(1, (width - 1) // 2)
    return f"{text[:half]}…{text[-half:]}"
