"""Forms that lose their value in floats, and the function of PyTorch that keeps it: ``log(1 + exp(x))`` is softplus.

A form is matched on the tree, sums and products in any order. The identities hold wherever both sides are defined; that
the second one is right where the first is not is for the caller to find out, number by number.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from gdcli.errors import GdcliError
from gdcli.lang.lines import lines_of
from gdcli.lang.nodes import (
    Application,
    Argument,
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    Node,
    Number,
    Reference,
    Static,
    Unary,
    Variable,
    in_one_line,
    postorder,
)
from gdcli.lang.parsing import parse

_BCE = "binary_cross_entropy_with_logits"

# Longer forms before the forms that are a part of them.
_LOGISTIC = ("b*log(sigmoid(a)) + (1 - b)*log(1 - sigmoid(a))", "b*log(sigmoid(a)) + (1 - b)*log(sigmoid(-a))")
FORMS: tuple[tuple[str, str], ...] = (
    *((f"mean({form})", f"-{_BCE}(a, b)") for form in _LOGISTIC),
    *((f"sum({form})", f"-{_BCE}(a, b, reduction='sum')") for form in _LOGISTIC),
    *((form, f"-{_BCE}(a, b{more})") for form in _LOGISTIC for more in ("", ", reduction='none'")),
    *((f"binary_cross_entropy(sigmoid(a), b{more})", f"{_BCE}(a, b{more})")
      for more in ("", ", reduction='sum'", ", reduction='none'")),
    *((f"nll_loss(log(softmax(a, {d})), b)", "cross_entropy(a, b)") for d in (1, -1)),
    *((f"log(softmax(a, {d}))", f"log_softmax(a, {d})") for d in (0, 1, -1)),
    ("log(exp(a)/sum(exp(a)))", "log_softmax(a, 0)"),
    ("log(exp(a)/(exp(a) + exp(b)))", "logsigmoid(a - b)"),
    ("log(exp(a)/(1 + exp(a)))", "logsigmoid(a)"),
    ("log(1/(1 + exp(-a)))", "logsigmoid(a)"),
    ("log(1 - 1/(1 + exp(-a)))", "logsigmoid(-a)"),
    ("log(1 - sigmoid(a))", "logsigmoid(-a)"),
    ("log(sigmoid(a))", "logsigmoid(a)"),
    ("log(1 + exp(a))", "softplus(a)"),
    ("log(1 + exp(a))", "logaddexp(a, 0)"),
    ("log1p(exp(a))", "softplus(a)"),
    ("log1p(exp(a))", "logaddexp(a, 0)"),
    ("log(exp(a) + exp(b))", "logaddexp(a, b)"),
    ("log(exp(a) + exp(b) + exp(c))", "logsumexp([a, b, c], 0)"),
    ("log(exp(a) + exp(b) + exp(c) + exp(d))", "logsumexp([a, b, c, d], 0)"),
    ("log(sum(exp(a)))", "logsumexp(a, 0)"),
    *((f"log(sum(exp(a), {d}))", f"logsumexp(a, {d})") for d in (0, 1, -1)),
    ("log(prod(a))", "sum(log(a))"),
    ("log(cosh(a))", "logaddexp(a, -a) - log(2)"),
    ("log(ndtr(a))", "log_ndtr(a)"),
    ("exp(a**2)*erfc(a)", "erfcx(a)"),
    ("1 - erf(a)", "erfc(a)"),
    ("log(1 + a)", "log1p(a)"),
    ("log(1 - a)", "log1p(-a)"),
    ("exp(a)/sum(exp(a))", "softmax(a, 0)"),
    ("exp(a)/(exp(a) + exp(b))", "sigmoid(a - b)"),
    ("exp(a)/(exp(a) + exp(b) + exp(c))", "softmax([a, b, c], 0)[0]"),
    ("exp(a)/(1 + exp(a))", "sigmoid(a)"),
    ("1/(1 + exp(-a))", "sigmoid(a)"),
    ("1/(1 + exp(a))", "sigmoid(-a)"),
    ("1 - 1/(1 + exp(-a))", "sigmoid(-a)"),
    ("1 - sigmoid(a)", "sigmoid(-a)"),
    ("(exp(a) - exp(-a))/(exp(a) + exp(-a))", "tanh(a)"),
    ("(exp(a) - exp(-a))/2", "sinh(a)"),
    ("sqrt(a**2 + b**2)", "hypot(a, b)"),
    ("sqrt(a*a + b*b)", "hypot(a, b)"),
    ("sqrt(square(a) + square(b))", "hypot(a, b)"),
    ("(a**2 + b**2)**0.5", "hypot(a, b)"),
    ("(a**2 + b**2)**(1/2)", "hypot(a, b)"),
    ("sqrt(a**2)", "abs(a)"),
    ("sqrt(sum(a**2))", "norm(a)"),
    ("exp(a) - 1", "expm1(a)"),
    ("log(exp(a))", "a"),
)  # fmt: skip

_NAMES = frozenset("abcd")


class Rewrite(Struct, frozen=True):
    """A part of an expression, and what may stand in its place: both as text. ``whole`` is the expression with it.

    ``statement`` is what becomes of the statement of a program, with its line.
    """

    part: str
    replacement: str
    whole: str
    span: tuple[int, int]
    statement: str = ""


def rewrites(expression: Expression) -> list[Rewrite]:
    """Every form that occurs in the expression, replaced alone; the longest forms first."""
    nodes = list(postorder(expression.root))[::-1]
    found: list[Rewrite] = []
    for pattern, replacement in _forms():
        for node in nodes:
            if isinstance(node, (Reference, Application)):  # what it stands for is looked at where that is written
                continue
            bound = next(_matches(pattern, node, expression, {}), None)
            if bound is not None:
                found.append(_rewritten(expression, node, replacement, bound))
    # A statement of a function is there once for each call.
    return list({each.whole: each for each in found}.values()) if expression.is_program else found


def all_at_once(expression: Expression, found: Sequence[Rewrite]) -> Rewrite | None:
    """The expression with as many forms replaced as do not overlap; None where that is not more than one."""
    chosen: list[Rewrite] = []
    for each in sorted(found, key=lambda r: r.span[0] - r.span[1]):  # the longest first
        if all(each.span[1] <= other.span[0] or other.span[1] <= each.span[0] for other in chosen):
            chosen.append(each)
    if len(chosen) < 2:
        return None
    chosen.sort(key=lambda r: r.span)
    whole, source = "", expression.source
    for each, following in zip(chosen, [*chosen[1:], None], strict=True):
        start = each.span[0] if whole else 0
        whole += source[start : each.span[0]] if not whole else ""
        end = len(source) if following is None else following.span[0]
        whole += _in_place(expression, each.span, each.replacement) + source[each.span[1] : end]
    parts = " and ".join(dict.fromkeys(each.part for each in chosen))
    replacements = " and ".join(dict.fromkeys(each.replacement for each in chosen))
    return Rewrite(parts, replacements, whole, (0, len(source)), _changed(expression, whole))


@functools.cache
def _forms() -> tuple[tuple[Node, str], ...]:
    """The forms as trees, each also with the opposite sign where it is a sum."""
    found: list[tuple[Node, str]] = []
    for form, replacement in FORMS:
        tree = parse(form).root
        if replacement.startswith("-") or (isinstance(tree, Binary) and tree.operator in "+-"):
            opposite = replacement[1:] if replacement.startswith("-") else f"-{replacement}"
            found.append((parse(f"-({form})").root, opposite))
        found.append((tree, replacement))
    return tuple(found)


def _rewritten(expression: Expression, node: Node, replacement: str, bound: Mapping[str, str]) -> Rewrite:
    text = re.sub(r"\b[a-d]\b", lambda m: _enclosed(replacement, m, bound.get(m[0], m[0])), replacement)
    start, end = node.span
    whole = expression.source[:start] + _in_place(expression, node.span, text) + expression.source[end:]
    return Rewrite(expression.text(node), text, whole, node.span, _changed(expression, whole))


def _changed(expression: Expression, whole: str) -> str:
    """The statements of a program that have changed, with their lines; empty for an expression."""
    if not expression.is_program:
        return ""
    source = expression.source
    before, after = ([text[slice(*line.span)] for line in lines_of(text)[1]] for text in (source, whole))
    lines = [source.count("\n", 0, line.span[0]) + 1 for line in lines_of(source)[1]]
    changed = [(line, new) for line, old, new in zip(lines, before, after, strict=False) if old != new]
    is_one_line = "\n" not in source
    return " and ".join(in_one_line(new) + ("" if is_one_line else f" in line {line}") for line, new in changed)


def _in_place(expression: Expression, span: tuple[int, int], text: str) -> str:
    """A replacement in parentheses, unless it stands in some, is the whole expression, or a call or a name."""
    source, (start, end) = expression.source, span
    augmented = next((s.name for s in expression.statements if s.span == span == s.node.span), "")
    if augmented:  # y += 1
        return f"{augmented} = {text}"
    before, after = source[:start].rstrip()[-1:], source[end:].lstrip()[:1]
    alone = (not before or before in "([,") and (not after or after in ")],")
    return text if alone or _is_atom(text) else f"({text})"


def _enclosed(replacement: str, match: re.Match[str], text: str) -> str:
    """What stands for a name, in parentheses unless it is an argument or a single word."""
    before, after = replacement[: match.start()].rstrip()[-1:], replacement[match.end() :].lstrip()[:1]
    alone = before in ("", "(", "[", ",") and after in ("", ")", "]", ",")
    return text if alone or _is_atom(text) else f"({text})"


def _is_atom(text: str) -> bool:
    """Whether a piece of an expression needs no parentheses beside an operator."""
    try:
        root = parse(text).root
    except GdcliError:  # it has names that only the program knows
        return isinstance(ast.parse(text, mode="eval").body, (ast.Call, ast.Name, ast.Subscript, ast.Attribute))
    return isinstance(root, (Call, Variable, Index, Attribute)) or (isinstance(root, Number) and root.value >= 0)


Bound = Mapping[str, str]
"""What stands for each name of a form: pieces of the source."""


def _matches(form: Node, node: Node, expression: Expression, bound: Bound) -> Iterator[Bound]:
    """The ways in which a node has a form."""
    if isinstance(form, Variable):
        yield from _bound(form.name, expression.text(node), bound)
        return
    node = _meant(node)
    if isinstance(form, Unary) and isinstance(form.operand, Variable) and isinstance(node, Unary):
        if form.operator == node.operator:
            yield from _bound(form.operand.name, expression.text(node.operand), bound)
        return
    wanted, terms = _terms(form), _terms(node)
    if len(wanted) == len(terms):
        yield from _in_any_order(wanted, terms, expression, bound, of_sum=True)


def _bound(name: str, text: str, bound: Bound) -> Iterator[Bound]:
    """With a name bound to a piece of the source, unless it is bound to another one."""
    if bound.get(name, text).replace(" ", "") == text.replace(" ", ""):
        yield {**bound, name: text}


def _in_any_order(
    wanted: Sequence[tuple[int, Node]],
    given: Sequence[tuple[int, Node]],
    expression: Expression,
    bound: Bound,
    *,
    of_sum: bool,
) -> Iterator[Bound]:
    """The ways to pair terms of a sum, or factors of a product, that have the same sign or power."""
    if not wanted:
        yield bound
        return
    (sign, first), *rest = wanted
    matches = _term_matches if of_sum else _matches
    for i, (own_sign, node) in enumerate(given):
        if sign == own_sign:
            for more in matches(first, node, expression, bound):
                yield from _in_any_order(rest, [*given[:i], *given[i + 1 :]], expression, more, of_sum=of_sum)


def _term_matches(form: Node, node: Node, expression: Expression, bound: Bound) -> Iterator[Bound]:
    """The ways in which a term of a sum has a form, signs aside."""
    if isinstance(form, Variable):
        yield from _bound(form.name, expression.text(node).removeprefix("-"), bound)
        return
    factors, own = _factors(form), _factors(_meant(node))
    if len(factors) != len(own):
        return
    if len(factors) > 1:
        yield from _in_any_order(factors, own, expression, bound, of_sum=False)
    else:
        yield from _same_kind(factors[0][1], own[0][1], expression, bound)


def _meant(node: Node) -> Node:
    """What a name stands for."""
    while isinstance(node, (Reference, Application)):
        node = node.value
    return node


def _same_kind(form: Node, node: Node, expression: Expression, bound: Bound) -> Iterator[Bound]:
    """The ways in which two nodes that are neither sums nor products are alike."""
    match form, _meant(node):
        case Number(value=wanted), Number(value=value):
            if wanted == value:
                yield bound
        case Binary(operator="**"), Binary(operator="**") as power:
            for more in _matches(form.left, power.left, expression, bound):
                yield from _matches(form.right, power.right, expression, more)
        case Call(), Call() as call:
            if form.function.usual == call.function.usual:
                yield from _same_arguments(form.arguments, call.arguments, expression, bound)


def _same_arguments(
    wanted: Sequence[Argument], given: Sequence[Argument], expression: Expression, bound: Bound
) -> Iterator[Bound]:
    by_name = {argument.parameter.name: argument.value for argument in given}
    if {argument.parameter.name for argument in wanted} != set(by_name):
        return
    if not wanted:
        yield bound
        return
    form, own = wanted[0].value, by_name.pop(wanted[0].parameter.name)
    rest = [argument for argument in given if argument.parameter.name in by_name]
    if isinstance(form, Static) or isinstance(own, Static):
        if isinstance(form, Static) and isinstance(own, Static) and form.value == own.value:
            yield from _same_arguments(wanted[1:], rest, expression, bound)
    elif not isinstance(form, tuple) and not isinstance(own, tuple):
        for more in _matches(form, own, expression, bound):
            yield from _same_arguments(wanted[1:], rest, expression, more)


def _terms(node: Node) -> list[tuple[int, Node]]:
    """The terms of a sum with their signs; the sign of a product is taken out of its factors."""
    found: list[tuple[int, Node]] = []
    stack = [(1, node)]
    while stack:
        sign, part = stack.pop()
        match part:
            case Binary(operator="+" | "-" as operator, left=left, right=right):
                stack += [(sign if operator == "+" else -sign, right), (sign, left)]
            case Unary(operator=operator, operand=operand):
                stack.append((sign if operator == "+" else -sign, operand))
            case _:
                found.append((sign * _sign(part), part))
    return found


def _sign(node: Node) -> int:
    """-1 for a product with an odd number of negative factors."""
    sign = 1
    for _, factor in _factors(node, signed=True):
        negative = isinstance(factor, Unary) and factor.operator == "-"
        if negative or (isinstance(factor, Number) and factor.value < 0):
            sign = -sign
    return sign


def _factors(node: Node, *, signed: bool = False) -> list[tuple[int, Node]]:
    """The factors of a product, with 1, and its divisors, with -1; without their signs unless ``signed``."""
    found: list[tuple[int, Node]] = []
    stack = [(1, node)]
    while stack:
        power, part = stack.pop()
        match part:
            case Binary(operator="*" | "/" as operator, left=left, right=right):
                stack += [(power if operator == "*" else -power, right), (power, left)]
            case Unary(operand=operand) if not signed:
                stack.append((power, operand))
            case Number(value=value, span=span) if not signed and value < 0:
                found.append((power, Number(-value, span)))
            case _:
                found.append((power, part))
    return found
