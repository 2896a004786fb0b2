"""A checked tree as PyTorch source: the user's own text, with what PyTorch needs put in.

What becomes a tensor here, and of which dtype, follows the rules by which lang/objective.py runs the tree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from gdcli.codegen.literals import NOTHING, Local, python_agrees, says
from gdcli.codegen.trees import (
    has_float,
    index_text,
    is_float_by_itself,
    is_for_parts,
    is_module,
    is_new,
    is_sequence,
    normalized,
    printed_nodes,
    with_argument,
)
from gdcli.lang.constants import CONSTANTS
from gdcli.lang.functions import SPELLINGS
from gdcli.lang.limits import SIZED
from gdcli.lang.lines import lines_of
from gdcli.lang.nodes import (
    Application,
    Argument,
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    ListOf,
    Node,
    Number,
    Reference,
    Span,
    Static,
    Unary,
    Variable,
    children,
    is_numbers,
    is_whole,
    numbers_in,
    replaced,
)
from gdcli.lang.signature import Function, Parameter
from gdcli.lang.whole import PLACES, stays_whole

# The modules that a user's text may name, as a script names them.
_MODULES = {
    "linalg": "torch.linalg",
    "special": "torch.special",
    "nn.functional": "F",
    "torch.nn.functional": "F",
    "torch.linalg": "torch.linalg",
    "torch.special": "torch.special",
    "F": "F",
}
_SPELLED = {"π": "pi", "τ": "tau"}
_CONSTANT = re.compile(rf"\b[^\W\d]\w*\s*\.\s*({'|'.join(CONSTANTS)})\b")  # math.pi
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_WORD = re.compile(
    r"'[^']*'|\"[^\"]*\"|0[xXoObB]\w+|\d[\d_.]*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?"
    r"|(?:[^\W\d]\w*\s*\.\s*)?[^\W\d]\w*"
)
_OF_NUMBERS = re.compile(r"math\.\w+\s*\([^()]*\)")  # math.sqrt(2)
_NEW_AXIS = re.compile(r"\b\w+\s*\.\s*newaxis\b")
_CALL = re.compile(r"(?!\bfloat\b)\b\w+\s*\(")


class ExpressionPrinter:
    """Prints trees for one run: its dtype, and the names that its variables have in the script."""

    def __init__(self, dtype: str, names: Mapping[str, str] | None = None) -> None:
        self.dtype = dtype
        self.names = names or {}
        self.modules: set[str] = set()  # what the script has to import beside torch
        self.between: dict[str, str] = {}  # what the script calls the names of a program for what lies between
        self._codes: dict[str, str] = {}

    def print(self, expression: Expression) -> str:
        """The source of the value of an expression, which is a tensor."""
        return Tree(self, expression, expression.root).result(expression.root)

    def leaf(self, expression: Expression, *, requires_grad: bool) -> str:
        """The source of a new tensor with the value of an expression: no view of another, and a leaf."""
        if expression.dtype:
            own = ExpressionPrinter(expression.dtype, self.names)
            text = own.leaf(replace(expression, dtype=""), requires_grad=requires_grad)
            self.modules |= own.modules
            return text
        tree, root = Tree(self, expression, expression.root), expression.root
        text = tree.tensor(root)
        if is_numbers(root) or (isinstance(root, Call) and "requires_grad" in root.function.facts):
            return with_argument(text, "requires_grad=True") if requires_grad else text
        if isinstance(root, (Unary, Binary)):
            text = f"({text})" if requires_grad else text
        elif not is_new(root):
            text = f"{text}.clone()"
        return f"{text}.requires_grad_()" if requires_grad else text

    def code(self, expression: Expression) -> str:
        """The source; of a program, with spaces for comments and ends of lines."""
        if not expression.is_program:
            return expression.source
        if expression.source not in self._codes:
            code = re.sub(r"\s", " ", lines_of(expression.source)[0])
            self._codes[expression.source] = _NOT_ASCII.sub(normalized, code)
        return self._codes[expression.source]

    def called(self, program: Expression, call: Application) -> tuple[str, Mapping[str, str]]:
        """What the script calls the function of a program, and each parameter that its body needs."""
        raise NotImplementedError("a function of a program outside of one")


class Tree:
    """The texts of the nodes of one tree, children before parents; ``local`` is for the body of a function."""

    def __init__(self, printer: ExpressionPrinter, expression: Expression, root: Node, local: Local = NOTHING) -> None:
        self.printer = printer
        self.expression = expression
        self.source = printer.code(expression)
        self.local = local
        self.numbers = numbers_in(root)
        self.texts: dict[int, str] = {}
        for node in printed_nodes(root):
            self.texts[id(node)] = self._text(node)

    def text(self, node: Node) -> str:
        """The text of a node, in one line for a statement of several."""
        text = self.texts[id(node)]
        return " ".join(text.split()) if "\n" in self.expression.source[slice(*node.span)] else text

    def augmented(self, node: Binary) -> str:
        """``c += a`` as ``c + a``: no tensor is changed in place."""
        right = self.texts[id(node.right)]
        is_parted = isinstance(node.right, (Number, Binary, Unary)) and not re.fullmatch(r"[\w.]+", right)
        return f"{self.texts[id(node.left)]} {node.operator} {f'({right})' if is_parted else right}"

    def result(self, root: Node) -> str:
        """The root, as a tensor: of whole numbers where it is one that comes from a shape."""
        if root in self.numbers and not isinstance(root, Number) and is_whole(root):
            return f"torch.tensor({self.texts[id(root)]})"
        return self.tensor(root)

    def tensor(self, node: Node) -> str:
        """The node where a tensor is needed."""
        if node in self.numbers:
            floats = isinstance(node, Number) and isinstance(node.value, float)
            return self._torch_tensor(self.texts[id(node)], floats=floats)
        return self.texts[id(node)]

    def _text(self, node: Node) -> str:
        match node:
            case Number():
                return self._literal(node)
            case Variable(name=name):
                return self._own(node) or self.printer.names.get(name, name)
            case Reference(name=name, value=value) if is_for_parts(node):
                return self.texts[id(value)]
            case Reference(name=name):
                return self._own(node) or self.printer.between[name]
            case Application():
                return self._application(node)
            case Index():
                return self._index(node)
            case ListOf():
                return self._list(node)
            case Attribute():
                return self._attribute(node)
            case Call():
                return self._call(node)
            case Index():
                return self._index(node)
            case _:
                return replaced(
                    self.source, node.span, [(child.span, self.texts[id(child)]) for child in children(node)]
                )

    def _own(self, node: Node) -> str:
        """What the body of a function calls a parameter, or a name that it gives; empty for what is not its own."""
        return self.local.names.get(self.source[slice(*node.span)], "")

    def _application(self, call: Application) -> str:
        start = self.source.index(call.name, call.span[0])
        name, parameters = self.printer.called(self.expression, call)
        pieces = [((start, start + len(call.name)), name)]
        for (parameter, _), argument in zip(call.definition.parameters, call.arguments, strict=True):
            if not (call.span[0] <= argument.span[0] and argument.span[1] <= call.span[1]):
                continue  # a default
            is_there = isinstance(argument, Variable) and argument.name in self.printer.names
            is_needed = parameter in parameters or isinstance(argument, Number) or is_there
            text = Tree(self.printer, self.expression, argument, self.local).text(argument) if is_needed else "None"
            pieces.append((argument.span, text))
            written = re.compile(rf"\b{parameter}(?=\s*=[\s(]*$)").search(self.source, start, argument.span[0])
            if written and parameters.get(parameter, parameter) != parameter:
                pieces.append((written.span(), parameters[parameter]))
        return replaced(self.source, call.span, pieces)

    def _index(self, node: Index) -> str:
        """The tensor with its index, whose lists stay lists; ``x[n]`` has the number that n is, without an n."""
        (start, end), value = node.span, node.value
        opened = self.source.find("[", value.span[1], end)
        pieces = [(value.span, self.texts[id(value)])]
        if opened < 0:  # a part of what is given to several names
            text = pieces[0][1]
            is_operation = isinstance(value, Reference) and isinstance(value.value, (Unary, Binary))
            return f"{f'({text})' if is_operation else text}[{node.items[0]}]"
        inside = children(node)[1:]
        pieces += [(c.span, self._numbers(c) if is_numbers(c) else self._whole(c, None)) for c in inside]
        text = _NEW_AXIS.sub("None", self.source[opened:end])
        if not inside and not self._stays(text):
            pieces.append(((opened + 1, end - 1), ", ".join(map(index_text, node.items))))
        return _NEW_AXIS.sub("None", replaced(self.source, (start, end), pieces))

    def _stays(self, text: str) -> bool:
        """Whether the names in a text of whole numbers are those of the function whose body it is in."""
        names = re.findall(r"[^\W\d]\w*", text) if self.expression.is_program else []
        return all(name in self.local.names or name == "None" for name in names)

    def _literal(self, node: Number) -> str:
        text = self.source[slice(*node.span)]
        if _OF_NUMBERS.fullmatch(text):
            self.printer.modules.add("math")
            return text
        if self.expression.is_program:
            text = _CONSTANT.sub(r"torch.\1", text)
        valued = self.local.valued(text)
        wrong = self.expression.is_program and not says(valued, node.value)
        if wrong or not python_agrees(valued) or _CALL.search(text):
            text = repr(node.value)
            text = f"({text})" if text.startswith("-") else text
        return _WORD.sub(self._constant, text)

    def _constant(self, match: re.Match[str]) -> str:
        """``pi`` as ``torch.pi``; torch has no tau."""
        if match[0] in self.local.names:
            return self.local.names[match[0]]
        name = match[0].rpartition(".")[2].strip() if not match[0][0].isdigit() and match[0][0] != "." else ""
        name = _SPELLED.get(name, name)
        if name not in CONSTANTS:
            return match[0]
        if name != "tau":
            return f"torch.{name}"
        self.printer.modules.add("math")
        return "math.tau"

    def _numbers(self, node: Node) -> str:
        """Numbers in nested lists, as plain Python."""
        if not isinstance(node, ListOf):
            return self.texts[id(node)]
        return self._in_brackets(node, [self._numbers(item) for item in node.items])

    def _in_brackets(self, node: ListOf, items: list[str]) -> str:
        """The list with these texts for its items; a value may stand without its brackets: ``1, 2, 3``."""
        start, end = node.span
        first = node.items[0].span[0] if node.items else end
        if self.source[start] != "[" or first == start:
            return f"[{', '.join(items)}]"
        return replaced(
            self.source, node.span, [(item.span, text) for item, text in zip(node.items, items, strict=True)]
        )

    def _list(self, node: ListOf) -> str:
        if is_numbers(node):
            return self._torch_tensor(self._numbers(node), floats=has_float(node))
        return f"torch.stack({self._in_brackets(node, [self.tensor(item) for item in node.items])})"

    def _torch_tensor(self, numbers: str, *, floats: bool) -> str:
        return f"torch.tensor({numbers}{self._dtype(floats=floats)})"

    def _dtype(self, *, floats: bool) -> str:
        """The argument for the dtype of the run, where PyTorch would choose another by itself."""
        return "" if floats and self.printer.dtype == "float32" else f", dtype=torch.{self.printer.dtype}"

    def _attribute(self, node: Attribute) -> str:
        value = node.value
        text = replaced(self.source, node.span, [(value.span, self.texts[id(value)])])
        while isinstance(value, (Reference, Application)):
            value = value.value
        named = isinstance(value, Call) and "values and indices" in value.function.facts
        if node.name in ("values", "indices") and not named:
            return re.sub(r"\s*\.\s*\w+$", f"[{0 if node.name == 'values' else 1}]", text)
        return text

    def _whole(self, node: Node, parameter: Parameter | None) -> str:
        """The node, with constants of whole numbers where PyTorch needs them."""
        dtype = stays_whole(node, parameter)
        if not dtype:
            return self.texts[id(node)]
        return Tree(ExpressionPrinter(dtype, self.printer.names), replace(self.expression, root=node), node).tensor(
            node
        )

    def _call(self, call: Call) -> str:
        function, is_method = call.function, call.is_method
        has_method = function.path in (f"torch.{function.bare_name}", f"torch.Tensor.{function.bare_name}")
        if function.path.startswith("torch.Tensor.") and not is_method:
            text = self._as_method(call)
        elif (is_method and not has_method) or is_module(call):
            text = f"{self._callee(function.path)}({', '.join(map(self._whole_argument, call.arguments))})"
        else:
            name = self.source[slice(*call.name_span)]
            callee = name if is_method else self._callee(function.path, self._spelled(name, function))
            pieces = [piece for a in call.arguments for piece in self._argument(call, a, is_method=is_method)]
            text = replaced(self.source, call.span, [(call.name_span, callee), *pieces])
        takes_dtype = any(p.name == "dtype" for p in function.parameters)
        if not function.makes_a_tensor or not takes_dtype or any(a.parameter.name == "dtype" for a in call.arguments):
            return text
        dtype = self._dtype(floats=is_float_by_itself(call))
        return with_argument(text, dtype.removeprefix(", ")) if dtype else text

    def _spelled(self, name: str, function: Function) -> str:
        """The spelling of a function, unless an import of the program has given it another meaning."""
        is_usual = not self.expression.is_program or SPELLINGS.get(name.replace(" ", "")) == function
        return name if is_usual else function.path

    def _callee(self, path: str, spelled: str = "") -> str:
        """The function as a script calls it: as it was spelled where a script can, else by its path."""
        module, _, name = spelled.replace(" ", "").rpartition(".")
        if module not in _MODULES:
            module, _, name = path.rpartition(".")
        module = _MODULES.get(module, module)
        if module == "F":
            self.printer.modules.add("F")
        return name if module == "builtins" else f"{module}.{name}"

    def _as_method(self, call: Call) -> str:
        """``float(x)`` as ``x.float()``: PyTorch has these as methods only."""
        subject, *others = call.arguments
        node = subject.value
        text = self._whole_argument(subject)
        if isinstance(node, (Unary, Binary)):
            text = f"({text})"
        return f"{text}.{call.function.name}({', '.join(map(self._whole_argument, others))})"

    def _whole_argument(self, argument: Argument) -> str:
        value, name = argument.value, argument.parameter.name
        if isinstance(value, tuple):
            text = f"[{', '.join(self._tensor_argument(item, argument) for item in value)}]"
        elif isinstance(value, Static):
            text = self._static(argument, value)
        else:
            text = self._tensor_argument(value, argument)
        return f"{name}={text}" if argument.by_keyword else text

    def _argument(self, call: Call, argument: Argument, *, is_method: bool) -> list[tuple[Span, str]]:
        """The places of an argument with their new texts."""
        value, function = argument.value, call.function
        if isinstance(value, tuple):
            items = [(item.span, self._tensor_argument(item, argument)) for item in value]
            return self._in_a_tuple(call, argument, items, is_method=is_method)
        if not isinstance(value, Static):
            return [(value.span, self._tensor_argument(value, argument))]
        text = self._static(argument, value)
        # rand(3, 4) beside rand((3, 4)), but permute(x, (1, 0)) alone
        in_a_row = not argument.by_keyword and (is_method or function.makes_a_tensor)
        if argument.parameter.kind == "sizes" and not in_a_row and not is_sequence(text):
            text = f"({text},)" if "," not in text else f"({text})"
        return [(value.span, text)]

    def _in_a_tuple(
        self, call: Call, argument: Argument, items: list[tuple[Span, str]], *, is_method: bool
    ) -> list[tuple[Span, str]]:
        """Sizes that stand in a row as a tuple, where PyTorch takes only that; the same texts anywhere else."""
        in_a_row = not argument.by_keyword and (is_method or call.function.makes_a_tensor)
        start, end = items[0][0][0], items[-1][0][1]
        before = self.source[call.span[0] : start].rstrip()
        if argument.parameter.kind not in SIZED or in_a_row or before.endswith(("[", "((", ", (", ",(", "=(")):
            return items
        listed = ", ".join(text for _, text in items)
        return [((start, end), f"({listed}{',' * (len(items) == 1)})")]

    def _static(self, argument: Argument, value: Static) -> str:
        text = self.source[slice(*value.span)]
        if argument.parameter.kind == "dtype" and value.value is not None:
            return f"torch.{value.value}"
        is_whole = argument.parameter.kind in ("int", "ints", "sizes")
        if not is_whole or self._stays(text):
            return text
        if isinstance(value.value, tuple) and not is_sequence(text):
            return ", ".join(map(str, value.value))
        return repr(value.value)

    def _tensor_argument(self, node: Node, argument: Argument) -> str:
        """The argument as its kind wants it: a tensor, or plain numbers."""
        kind = argument.parameter.kind
        if kind in ("data", "lists"):
            return self._numbers(node)
        if kind == "index" and is_numbers(node):
            return f"torch.tensor({self._numbers(node)})"
        if kind in PLACES:
            return self._whole(node, argument.parameter)
        if node in self.numbers:
            number = isinstance(node, Number) and isinstance(node.value, int)
            stays = kind in ("either", "number", *SIZED) or (kind == "any" and number)
            return self.texts[id(node)] if stays else self.tensor(node)
        return self.texts[id(node)]
