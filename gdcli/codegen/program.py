"""The statements and the functions of a program, as they were written, with what plain PyTorch needs put in."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby

from msgspec import Struct

from gdcli.codegen.expression import ExpressionPrinter, Tree
from gdcli.codegen.literals import NOTHING, Local
from gdcli.lang.lines import colon
from gdcli.lang.nodes import (
    Application,
    Binary,
    Definition,
    Expression,
    Index,
    Number,
    Reference,
    Statement,
    Variable,
    postorder,
)


class Placed(Struct, frozen=True):
    """Lines of a script, and the place in the program of what they stand for."""

    place: int
    lines: list[str]


class ProgramPrinter(ExpressionPrinter):
    """Prints programs for one run; ``between`` and ``functions`` are what the script calls their names.

    A function is printed for what its calls are given. Where two calls need different bodies, it is printed twice.
    """

    def __init__(
        self,
        dtype: str,
        names: Mapping[str, str],
        functions: Mapping[str, str],
        between: Mapping[str, str],
        new_name: Callable[[str], str],
    ) -> None:
        super().__init__(dtype, names)
        self.functions = functions
        self.between = dict(between)
        self.above: list[str] = []  # the functions that need nothing of what lies between
        self._new_name = new_name
        self._printed: dict[str, str] = {}  # the name of each function, by its text without the name
        self._among: list[Placed] = []  # the functions that stand among the statements
        self._moving = set(between.values())  # what is not there yet above the statements

    def statements(self, rows: Sequence[Expression]) -> list[Placed]:
        """The statements that the results of one program need, with the functions that stand among them, in order."""
        program = rows[0]
        needed = _needed(rows)
        self._among = []
        found: list[Placed] = []
        for whole in _groups(program.statements):
            kept = [statement for statement in whole if statement.number in needed]
            if kept:
                found.append(Placed(whole[0].span[0], [self._assigned(program, whole, kept)]))
        for row in rows:
            self.text(row)  # its functions, too, may stand among the statements
        return sorted([*self._among, *found], key=lambda placed: placed.place)

    def name_of(self, row: Expression) -> str:
        """What the script calls the result of a program; empty for an expression without a name, and for a variable."""
        root = row.root
        if isinstance(root, Reference):
            return self.between[root.name]
        if isinstance(root, (Number, Variable)):
            return ""
        return next((self.between[s.name] for s in row.statements if s.node is root), "")

    def text(self, row: Expression) -> str:
        """The result of a program in the script: its name, or its expression."""
        if name := self.name_of(row):
            return name
        text = self.print(row)
        return " ".join(text.split()) if "\n" in row.source[slice(*row.root.span)] else text

    def called(self, program: Expression, call: Application) -> tuple[str, Mapping[str, str]]:
        """What the script calls the function of a call, and the parameters that its body needs, by their names."""
        definition, parameters = call.definition, [name for name, _ in call.definition.parameters]
        given = dict(zip(parameters, call.arguments, strict=True))
        names = {name: _own(name) for name in [*parameters, *(statement.name for statement in call.statements)]}
        local = Local(names, {name: node.value for name, node in given.items() if isinstance(node, Number)})
        groups: list[tuple[list[Statement], Local]] = []
        for whole in _groups(call.statements):
            groups.append((whole, local))
            local = local.after(whole)
        result = Tree(self, program, call.value, local).text(call.value)
        body: list[str] = []
        live = _names(result)
        for whole, before in reversed(groups):  # only what the result needs
            kept = [statement for statement in whole if names[statement.name] in live]
            if kept:
                body.insert(0, self._assigned(program, whole, kept, before))
                live = (live - {names[statement.name] for statement in kept}) | _names(body[0])
        function = self._function(program, definition, local, body, result)
        return function, {name: names[name] for name in parameters if names[name] in live}

    def _function(
        self, program: Expression, definition: Definition, local: Local, body: Sequence[str], result: str
    ) -> str:
        """The name of the function with this body, which is printed unless it has been."""
        parameters, is_fixed = self._parameters(program, definition, local)
        text = "\n".join([str(definition.span), parameters, *body, result])
        if text in self._printed:
            return self._printed[text]
        name = self.functions[definition.name]
        if name in self._printed.values():
            name = self._new_name(definition.name)
        self._printed[text] = name
        if definition.is_lambda:
            lines = [f"{name} = lambda{f' {parameters}' if parameters else ''}: {result}"]
        elif not body and "\n" not in program.source[slice(*definition.span)]:
            lines = ["", f"def {name}({parameters}): return {result}", ""]
        else:
            lines = ["", f"def {name}({parameters}):", *(f"    {line}" for line in [*body, f"return {result}"]), ""]
        free = {name for line in [*body, result] for name in _names(line)} - set(local.names.values())
        if is_fixed and not free & self._moving:
            self.above += lines
        else:
            self._moving.add(name)
            self._among.append(Placed(definition.span[0], [line for line in lines if line]))
        return name

    def _parameters(self, program: Expression, definition: Definition, local: Local) -> tuple[str, bool]:
        """The parameters with their defaults, and whether these are plain numbers."""
        code = self.code(program)[slice(*definition.span)]
        head = f"def f({code[6 : colon(code)]}): pass" if definition.is_lambda else f"{code[: colon(code) + 1]} pass"
        by_keyword = [argument.arg for argument in ast.parse(head).body[0].args.kwonlyargs]  # type: ignore[attr-defined]
        parts: list[str] = []
        for parameter, default in definition.parameters:
            if parameter in by_keyword[:1]:
                parts.append("*")
            value = "" if default is None else f"={Tree(self, program, default).text(default)}"
            parts.append(f"{local.names[parameter]}{value}")
        defaults = [default for _, default in definition.parameters if default is not None]
        return ", ".join(parts), all(isinstance(default, Number) for default in defaults)

    def _assigned(
        self, program: Expression, whole: Sequence[Statement], kept: Sequence[Statement], local: Local = NOTHING
    ) -> str:
        """One statement of the source, which may give several names, with those names that are kept."""
        names = [local.names.get(statement.name) or self.between[statement.name] for statement in kept]
        first = whole[0].node
        is_one = len(whole) > 1 and all(statement.node.span == first.span for statement in whole)
        if is_one and isinstance(first, Index) and isinstance(whole[1].node, Index):  # a, b = parts
            if len(kept) > 1:
                given = dict(zip((statement.number for statement in kept), names, strict=True))
                targets = ", ".join(given.get(statement.number, "_") for statement in whole)
                return f"{targets} = {Tree(self, program, first.value, local).text(first.value)}"
        elif is_one:  # a = b = x**2
            return f"{' = '.join(names)} = {Tree(self, program, first, local).text(first)}"
        trees = [Tree(self, program, statement.node, local) for statement in kept]
        if isinstance(first, Binary) and first.span == whole[0].span:
            return f"{names[0]} = {trees[0].augmented(first)}"
        texts = [tree.text(statement.node) for tree, statement in zip(trees, kept, strict=True)]
        return f"{', '.join(names)} = {', '.join(texts)}"


def _groups(statements: Sequence[Statement]) -> list[list[Statement]]:
    """The names that one statement of the source gives, together."""
    return [list(group) for _, group in groupby(statements, lambda statement: statement.span)]


def _own(name: str) -> str:
    """What a function calls something of its own: it must not hide the modules of the script."""
    return f"{name}_" if name in ("torch", "F", "math") else name


def _needed(rows: Sequence[Expression]) -> set[int]:
    """The numbers of the statements that the results need."""
    roots = [row.root for row in rows]
    used = {node.number for root in roots for node in postorder(root) if isinstance(node, Reference)}
    own = {s.number for s in rows[0].statements if any(s.node is root for root in roots)}
    return used | own


def _names(line: str) -> set[str]:
    """The names that a line of Python uses."""
    tree = ast.parse(line)
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def names_in(rows: Collection[Expression]) -> tuple[list[str], list[str], set[str]]:
    """The names of the functions, of what lies between, and of what is the functions' own, that the results need."""
    functions: dict[str, None] = {}
    own: set[str] = set()
    between: dict[str, None] = {}
    for row in rows:
        numbers = _needed([row])
        between |= dict.fromkeys(statement.name for statement in row.statements if statement.number in numbers)
        for node in postorder(row.root):
            if isinstance(node, Application):
                functions[node.name] = None
                own |= {name for name, _ in node.definition.parameters}
                own |= {statement.name for statement in node.statements}
    return list(functions), list(between), own


def printed_alone(
    expression: Expression, dtype: str, names: Mapping[str, str], new_name: Callable[[str], str]
) -> tuple[ProgramPrinter, list[str], str]:
    """The printer of an expression by itself, the lines that it needs, and its text."""
    functions, between, _ = names_in([expression])
    own = {name: new_name(name) if name in names else _own(name) for name in [*functions, *between]}
    printer = ProgramPrinter(dtype, names, own, {name: own[name] for name in between}, new_name)
    placed = printer.statements([expression]) if expression.is_program else []
    lines = [line for each in placed for line in each.lines]
    return printer, [line for line in [*printer.above, *lines] if line], printer.text(expression)
