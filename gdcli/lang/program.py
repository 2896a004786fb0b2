"""Programs: statements around expressions, as a cell of a notebook has them.

The statements are those of Python, less everything that is not listed here::

    program    statement { end of line | ; statement }
    statement  name = expression | name, name = expression, expression | name += expression (and the like)
               | name.requires_grad_(True) | name.backward() | print(expression, ...) | expression
               | def name(parameter, parameter=default): statements, and last return expression
               | name = lambda parameter, ...: expression
               | import torch (numpy, math, torch.nn.functional; also with as) | torch.manual_seed(number)

A name for what lies between becomes a reference to the node of its expression, and a call of a function of the program
becomes the tree of its body with the arguments in their places: what walks a tree walks these too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence

from msgspec.structs import replace

from gdcli.lang.constants import ConstantError, fold
from gdcli.lang.definitions import Function, arguments_of, body_of, defined
from gdcli.lang.functions.modules import MODULES
from gdcli.lang.given import Given, given
from gdcli.lang.lines import Line, assignments, colon
from gdcli.lang.nodes import (
    Application,
    Binary,
    Call,
    Definition,
    Expression,
    Index,
    Node,
    Number,
    Reference,
    Span,
    Statement,
    Variable,
    postorder,
)
from gdcli.lang.operators import BINARY
from gdcli.lang.scope import Aside, MadeModule, Named, Scope, is_aside, is_text, trimmed
from gdcli.lang.statements import imported, refuse
from gdcli.lang.suggest import NAME, did_you_mean

_GIVES_A_GRADIENT = re.compile(
    rf"(?P<name>{NAME})\s*\.\s*requires_grad(?:_\s*\(\s*(?P<flag>True|False|)\s*\)|\s*=\s*(?P<set>True|False))$"
)
_BACKWARD = re.compile(r"(?P<subject>.+?)\s*\.\s*backward\s*\([^()]*\)$")
_ABOUT_A_NAME = re.compile(
    rf"(?P<name>{NAME})\s*\.\s*(?P<fact>grad|grad_fn|dtype|shape|requires_grad|retain_grad\(\))$"
)
_SEED = re.compile(r"torch\s*\.\s*manual_seed\s*\(\s*(?P<seed>\d+)\s*\)$")
_WORD = re.compile(r"[^\W\d]\w*")


def read_program(source: str, values: Collection[str] = ()) -> Expression:
    """Parse and check a program, whose text is tidy. A name of ``values`` is a variable, whatever else has that name.

    Raises:
        ExpressionError: with a message, a span of characters, and mostly a hint.
    """
    return _Program(source, values).read()


class _Program(Scope):
    """Reads the statements in order, with what their names stand for."""

    def __init__(self, source: str, values: Collection[str]) -> None:
        super().__init__(source, values)
        self.statements: list[Statement] = []  # of the program, or of the function whose body is being read
        self.values: dict[str, str] = {}
        self.uses: dict[str, tuple[str, ...]] = {}
        self.shown: list[Node] = []
        self.result: tuple[str, Node] | None = None
        self.is_differentiated = False
        self.seed: int | None = None

    def read(self) -> Expression:
        """The whole program."""
        if not self.lines:
            self.fail("empty", "the program is empty", (0, len(self.source)), "for example: y = (x - 1.5)**2")
        self._run(self.lines)
        if self.result is None:
            self.fail("empty", "the program has no result", self.lines[-1].span, "end it with an expression")
        name, root = self.result
        if isinstance(root, Variable):
            self.variables[root.name] = None
        values = {name: text for name, text in self.values.items() if name in self.variables}
        whole = Expression(
            source=self.source,
            root=root,
            variables=(),
            names=tuple(dict.fromkeys([*values, *self.variables])),
            statements=tuple(self.statements),
            values=values,
            uses={name: self.uses[name] for name in values},
            moving=tuple(name for name in self.moving if name in values),
            shown=tuple(self.shown),
            result=name,
            functions={name: f.span for name, f in self.globals.items() if isinstance(f, Function)},
            seed=self.seed,
            is_program=True,
        )
        self._check_draws()
        return whole.of(root)

    def _check_draws(self) -> None:
        """Refuse a statement that draws random numbers and nothing that moves: each step would draw them anew."""
        for statement in self.statements if self.moving else ():
            parts = list(postorder(statement.node))
            draws = any(isinstance(part, Call) and part.function.form == "random" for part in parts)
            if draws and not any(isinstance(part, Variable) and part.name in self.moving for part in parts):
                message = "each step would draw the random numbers of this statement anew, and PyTorch draws them once"
                hint = "give them a name of their own: noise = torch.randn(20)"
                self.fail("statement", message, statement.span, hint)

    def _run(self, lines: Sequence[Line]) -> Node | None:
        """Read statements of one block; the value that they return, in a function."""
        at = 0
        while at < len(lines):
            line, text = lines[at], self.code(lines[at].span)
            if line.indent != lines[0].indent:
                self.fail("syntax", "the indentation of this line does not match", line.span)
            at += 1
            if re.match(r"def\b", text):
                at = self._define(lines, at - 1)
            elif re.match(r"return\b", text):
                if not self.inside:
                    self.fail(
                        "statement", "'return' is only part of a function", line.span, "write the expression alone"
                    )
                return self.node_at((line.span[0] + 6, line.span[1]))
            else:
                self._statement(line.span, text)
        return None

    def _statement(self, span: Span, text: str) -> None:
        if re.match(r"(?:import|from)\b", text):
            brought = imported(self.source, self.python, span)
            self.modules |= {name: module for name, module in brought.items() if name != module}
            return
        if found := _GIVES_A_GRADIENT.match(text):
            self._moves(found["name"], span, moves="False" not in (found["flag"], found["set"]))
            return
        refuse(self.source, self.python, span)
        signs = assignments(text)
        functions = [k for k, (at, sign) in enumerate(signs) if text[at + len(sign) :].lstrip().startswith("lambda")]
        if functions:
            signs = signs[: functions[0] + 1]  # those behind are of its defaults
        if signs:
            self._assign(span, signs)
        elif re.match(r"print\s*\(", text):
            self._print(span)
        elif found := _BACKWARD.match(text):
            self._backward((span[0], span[0] + found.end("subject")))
        elif found := _SEED.match(text):
            self.seed = int(found["seed"])
        elif found := _ABOUT_A_NAME.match(text):
            if found["fact"] in ("dtype", "shape"):
                self._show([self.node_at((span[0], span[0] + found.end("name")))])
        else:
            self._show_at(span)

    # Statements

    def _assign(self, span: Span, signs: Sequence[tuple[int, str]]) -> None:
        place, sign = signs[-1]
        value = span[0] + place + len(sign), span[1]
        starts = [0, *(at + 1 for at, _ in signs[:-1])]
        targets = [self._targets((span[0] + start, span[0] + at)) for start, (at, _) in zip(starts, signs, strict=True)]
        if sign != "=":
            self._augment(targets[0], sign[:-1], value, span)
            return
        if (body := self.code(value).lstrip()).startswith("lambda"):
            self._define_lambda(targets[0], value[1] - len(body), value[1])
            return
        tree = self.tree_at(value, names=True)
        first, *others = targets
        self._give_each(first, tree, span)
        for names in others:
            same = isinstance(self.scope.get(first[0]), Named) and len(first) == len(names) == 1
            node = self.named(first[0], trimmed(self.code(value), value)) if same else None
            if node is None:
                self._give_each(names, tree, span)
            else:  # a = b = x**2 is one tensor with two names
                self._bind(names[0], node, span)

    def _targets(self, span: Span) -> list[str]:
        """The names on the left of a ``=``."""
        text = self.code(span)
        names = [name.strip() for name in text.partition(":")[0].strip().strip("()").rstrip(",").split(",")]
        for name in names:
            if not name.isidentifier():
                hint = "a program gives values to names only: y = ..."
                if "[" in name:
                    hint = "write where(mask, a, b), or cat([a, b]), for a tensor with other elements"
                if name.endswith("requires_grad"):
                    hint = "write True or False"
                self.fail("statement", f"'{text.strip()}' cannot be given a value", trimmed(text, span), hint)
        return names

    def _give_each(self, names: Sequence[str], tree: ast.expr, span: Span) -> None:
        """Bind a name to a value, or several to its parts."""
        if len(names) == 1:
            self._give(names[0], tree, span)
            return
        if not isinstance(tree, (ast.Tuple, ast.List)):
            whole = self._once(", ".join(names), self.node(tree))
            for k, name in enumerate(names):
                self._bind(name, Index(replace(whole), (k,), whole.span), span)  # each use is a node of its own
            return
        if len(tree.elts) != len(names):
            self.fail("syntax", f"{len(tree.elts)} values for {len(names)} names", span)
        if self.inside or not all(
            given(self, item, self.scope, name) for name, item in zip(names, tree.elts, strict=True)
        ):
            nodes = [self.node(item) for item in tree.elts]  # all of them before a name changes
            for name, node in zip(names, nodes, strict=True):
                self._bind(name, node, span)
            return
        for name, item in zip(names, tree.elts, strict=True):
            self._give(name, item, span)

    def _give(self, name: str, tree: ast.expr, span: Span) -> None:
        """Bind a name: to a value, which an option can replace, or to what lies between."""
        if is_aside(tree):
            self.scope[name] = Aside(span)
            return
        if isinstance(tree, ast.Call) and self.spelled(tree.func) in MODULES:
            self.scope[name] = MadeModule(*self.made(tree))
            return
        value = None if self.inside else given(self, tree, self.scope, name)
        if value is None:
            if "requires_grad" in self.code(span) and not self.inside:
                message = f"the value of '{name}' depends on other names, so the program does not give it"
                self.fail("statement", message, span, f"give it numbers, or its size as a number: --{name} 'zeros(3)'")
            self._bind(name, self.node(tree), span)
            return
        if name in self.values and name in self.variables:
            hint = "give it another name"
            self.fail("statement", f"'{name}' gets a second value, and the first one is used above", span, hint)
        self.scope[name] = value
        self.values.pop(name, None)  # in the order in which they are drawn
        self.values[name] = value.text
        self.uses[name] = value.uses
        self.moving.pop(name, None)
        if value.moves:
            self.moving[name] = None
        if self.result is None or isinstance(self.result[1], Variable):
            self.result = name, Variable(name, span)

    def _bind(self, name: str, node: Node, span: Span) -> None:
        """Bind a name to the node of its expression."""
        self.numbers += 1
        self.scope[name] = Named(node, self.numbers)
        self.statements.append(Statement(name, node, self.numbers, span))
        if not self.inside and not self.is_differentiated:
            self.result = name, node

    def _once(self, name: str, node: Node) -> Node:
        """A node that is used in several places, and computed once."""
        if isinstance(node, (Number, Variable, Reference)):
            return node
        self.numbers += 1
        return Reference(name, node, self.numbers, node.span)

    def _augment(self, names: Sequence[str], sign: str, value: Span, span: Span) -> None:
        name = names[0]
        place = span[0], span[0] + len(name)
        left = self.named(name, place) if len(names) == 1 else None
        if left is None and name in self.given:
            left = self.variable(name, place)
        if left is None:
            self.fail("unknown-name", f"'{name}' has no value yet", span, f"give it a value first: {name} = 1.0")
        if sign not in BINARY:
            self.fail("statement", f"'{sign}=' is not part of a program", span)
        right = self.node_at(value)
        node: Node = Binary(sign, left, right, span)
        if isinstance(left, Number) and isinstance(right, Number):
            try:
                node = Number(fold(BINARY[sign], left.value, right.value), span)
            except ConstantError as error:
                self.fail("constant", str(error), span)
        self._bind(name, node, span)

    def _moves(self, name: str, span: Span, *, moves: bool) -> None:
        if not isinstance(self.globals.get(name), Given) or self.inside:
            message = f"only a value can require a gradient, and '{name}' is none"
            self.fail("statement", message, span, "give it numbers or a constructor: x = torch.rand(3)")
        self.moving.pop(name, None)
        if moves:
            self.moving[name] = None

    def _backward(self, subject: Span) -> None:
        if self.is_differentiated or self.inside:
            self.fail("statement", "backward() is called a second time", subject, "keep one of them")
        name = self.code(subject).strip()
        found = self.scope.get(name)
        if found is None and name.isidentifier() and name not in self.given:
            hint = did_you_mean(name, self.scope) or "name the result that the program computes"
            self.fail("unknown-name", f"the program gives nothing to '{name}'", subject, hint)
        if isinstance(found, (Aside, Function, MadeModule)):
            self.fail("statement", f"'{name}' has no gradient", subject)
        self.result = (name, found.node) if isinstance(found, Named) else ("", self.node_at(subject))
        self.is_differentiated = True

    def _print(self, span: Span) -> None:
        call = self.tree(*span)
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            self._show_at(span)
            return
        for argument in [] if self.inside else call.args:
            while isinstance(argument, ast.Call | ast.Attribute) and (value := _printed(argument)) is not None:
                argument = value  # noqa: PLW2901 -- x.item() shows x
            place = self.span(argument)
            about = _ABOUT_A_NAME.match(self.code(place))
            if not isinstance(argument, (ast.JoinedStr, ast.Starred)) and not is_text(argument) and not about:
                start = self.start
                self.shown.append(self.node_at(place))
                self.start = start

    def _show_at(self, span: Span) -> None:
        """A bare expression, or several with commas between them; the last one is the result unless one is named."""
        tree = self.tree_at(span)
        nodes = [self.node(item) for item in (tree.elts if isinstance(tree, ast.Tuple) else [tree])]
        if self.inside:
            return
        self._show(nodes)
        if not self.is_differentiated:
            self.result = "", nodes[-1]

    def _show(self, nodes: Sequence[Node]) -> None:
        if not self.inside:
            self.shown += nodes

    # Functions

    def _define(self, lines: Sequence[Line], at: int) -> int:
        """Keep a definition; the index of the line after it."""
        start, end = lines[at].span
        text = self.code((start, end))
        place = colon(text)
        if place < 0:
            self.fail("syntax", "':' is missing at the end of the definition", (start, end))
        body = body_of(self.source, lines, at, start + place + 1)
        after = at + 1 + sum(line.span[0] >= end for line in body)
        if not body:
            self.fail("syntax", "the function has no body", (start, end), "indent its lines, and end it with return")
        head = text[: place + 1] + " pass"
        self._keep(defined(self, head, start, body, None, (start, body[-1].span[1])))
        return after

    def _define_lambda(self, names: Sequence[str], start: int, end: int) -> None:
        text = self.code((start, end))
        place = colon(text)
        if place < 0 or len(names) != 1:
            self.fail("syntax", "this is not a valid lambda", (start, end), "write f = lambda x: x**2")
        head = f"def {names[0]}({text[6:place]}): pass"
        offset = start + 6 - head.index("(") - 1
        self._keep(defined(self, head, offset, [], (start + place + 1, end), (start, end)))

    def _keep(self, function: Function) -> None:
        """Bind the name of a function; a default is computed once, where the function is defined."""
        defaults = {n: None if d is None else self._once(n, d) for n, d in function.parameters.items()}
        self.scope[function.name] = replace(function, parameters=defaults)

    def applied(self, name: str, call: ast.Call) -> Node | None:
        """The body of a function of the program, with the arguments in the places of its parameters."""
        function = self.scope.get(name)
        if isinstance(function, MadeModule):
            return self.called_module(function.module, function.settings, call)
        if not isinstance(function, Function):
            return None
        span = self.span(call)
        if name in self.inside:
            self.fail("statement", f"'{name}' calls itself", span, "write the sum or the product in one expression")
        arguments = arguments_of(self, function, call)
        self.numbers += 1
        kept, first = (self.scope, self.start, self.statements), self.numbers
        self.scope = {**self.globals, **{parameter: self.parameter(node) for parameter, node in arguments.items()}}
        self.statements = []
        self.inside.append(name)
        value = self._run(function.body) if function.result is None else self.node_at(function.result)
        self.inside.pop()
        statements = tuple(self.statements)
        self.scope, self.start, self.statements = kept
        if value is None:
            self.fail("statement", f"the function '{name}' returns nothing", span, "end it with return")
        if isinstance(value, Number):
            return Number(value.value, span)
        is_lambda = function.result is not None
        definition = Definition(name, tuple(function.parameters.items()), function.span, is_lambda)
        return Application(name, tuple(arguments.values()), value, span, definition, statements, (first, self.numbers))


def _printed(tree: ast.expr) -> ast.expr | None:
    """What ``x.item()``, ``x.detach().numpy()`` and ``x.data`` show: x; None for anything else."""
    match tree:
        case ast.Call(func=ast.Attribute(value=value, attr="item" | "tolist" | "numpy" | "detach" | "cpu"), args=[]):
            return value
        case ast.Attribute(value=value, attr="data"):
            return value
    return None
