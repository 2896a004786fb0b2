"""Text to tokens, and the most common mistakes: foreign notation, a missing operator, an unmatched bracket.

What passes the scan is nearly always valid Python; ``ast`` then parses it.
"""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from collections.abc import Iterator
from typing import NoReturn

from msgspec import Struct

from gdcli.errors import ExpressionError
from gdcli.lang.functions import FUNCTIONS
from gdcli.lang.operators import BINARY, UNARY
from gdcli.lang.suggest import DASHES, NAME, QUOTES

MAX_CHARACTERS = 10_000
MAX_NESTING = 100
_MAX_DIGITS = 400  # the largest float has 309 digits
_MAX_SHOWN_FIX = 60

_TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<number>0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)
    | (?P<name>{NAME})
    | (?P<string>'[^']*'|"[^"]*")
    | (?P<operator>\.\.\.|\*\*|//|<=|>=|==|!=|:=|->|<<|>>|<>|&&|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]"}
_BARS = re.compile(r"\|(\s*[^|\s][^|]*)\|")
_SUPERSCRIPTS = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_PLAIN_DIGITS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "+-01234567890123456789")

# Characters of other notations, and what PyTorch uses instead.
_REPLACEMENTS = {
    "^": "**",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "÷": "/",
    **dict.fromkeys(DASHES, "-"),
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "<>": "!=",
}
_HINTS = {
    "&": "write logical_and(a, b)",
    "&&": "write logical_and(a, b)",
    "and": "write logical_and(a, b)",
    "|": "write logical_or(a, b), or abs(x) for an absolute value",
    "||": "write logical_or(a, b), or norm(x) for a norm",
    "or": "write logical_or(a, b)",
    "~": "write logical_not(a)",
    "not": "write logical_not(a)",
    "if": "write where(condition, a, b)",
    "else": "write where(condition, a, b)",
    "!": "write exp(lgamma(x + 1)) for a factorial",
    "√": "write sqrt(x)",
    "∞": "write inf",
    "∑": "write sum(x)",
    "for": "operations apply to every element: sum(x**2)",
    "lambda": "use only the body of the lambda",
    "in": "compare with ==",
    "is": "compare with ==",
    "<<": "write x * 2**n",
    ">>": "write x / 2**n",
    "{": "use square brackets for a tensor: [1, 2, 3]",
    "}": "use square brackets for a tensor: [1, 2, 3]",
    ";": "give one expression at a time",
    "?": "write where(condition, a, b)",
    ":=": "set a variable with an option: --x 3",
    "#": "remove the comment",
}


class Token(Struct, frozen=True):
    """A token: its kind (number, name, string, operator), its text, and where it starts."""

    kind: str
    text: str
    start: int

    @property
    def span(self) -> tuple[int, int]:
        """The range of its characters in the source."""
        return self.start, self.start + len(self.text)


def check(source: str) -> None:
    """Raise ExpressionError unless ``source`` looks like one expression."""
    _check_characters(source)
    _Scanner(source).run()


def check_part(source: str, code: str, start: int, end: int) -> None:
    """Raise ExpressionError, with its place in ``source``, unless this part of its code looks like one expression."""
    try:
        check(code[start:end])
    except ExpressionError as error:
        span = error.span[0] + start, error.span[1] + start
        raise ExpressionError(error.code, error.message, error.hint, source=source, span=span) from None


def _check_characters(source: str) -> None:
    if len(source) > MAX_CHARACTERS:
        message = f"the expression is too long: {len(source):,} characters; the limit is {MAX_CHARACTERS:,}"
        raise ExpressionError("limit", message, source=source, span=(MAX_CHARACTERS, len(source)))
    if not source:
        raise ExpressionError("empty", "the expression is empty", "for example: (x - 1.5)**2", source="", span=(0, 0))
    for position, character in enumerate(source):
        if character in "\n\r\v\f\x85\u2028\u2029":
            message = "an expression must be on one line"
            raise ExpressionError("syntax", message, "join the lines", source=source, span=(position, position + 1))
        if character != "\t" and not character.isprintable() and not character.isspace():
            message = f"invisible character U+{ord(character):04X}"
            raise ExpressionError("syntax", message, "delete it", source=source, span=(position, position + 1))
    power = _SUPERSCRIPTS.search(source)
    if power:
        fixed = _SUPERSCRIPTS.sub(lambda match: "**" + match[0].translate(_PLAIN_DIGITS), source)
        message = f"'{power[0]}' does not denote a power in PyTorch"
        raise ExpressionError("notation", message, _write(fixed, "write **"), source=source, span=power.span())


def _tokens(source: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(source):
        if match.lastgroup and match.lastgroup != "space":
            yield Token(match.lastgroup, match[0], match.start())


def _is_keyword(word: str) -> bool:
    """Whether Python reads the word, which it normalizes (NFKC), as a keyword; ``True`` and the like are values."""
    return word not in ("True", "False", "None") and keyword.iskeyword(unicodedata.normalize("NFKC", word))


def _value(text: str) -> float:
    """The value of a number; inf where it exceeds the largest float."""
    try:
        return float(int(text, 0)) if text[1:2] in tuple("xXoObB") else float(text.replace("_", ""))
    except OverflowError:
        return math.inf


def _write(fixed: str, otherwise: str) -> str:
    """A hint that shows the whole corrected expression when it is short."""
    return f"write {fixed}" if len(fixed) <= _MAX_SHOWN_FIX else otherwise


class _Scanner:
    """Walks the tokens once; ``expecting`` says whether a value must come next."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.brackets: list[Token] = []
        self.names: list[str] = []  # the names before them
        self.expecting = True
        self.called = ""  # the name before the brackets that were closed last
        self.previous: Token | None = None
        self.before_previous: Token | None = None

    def run(self) -> None:
        for token in _tokens(self.source):
            if token.kind == "operator":
                self._operator(token)
            else:
                self._value(token)
            self.before_previous, self.previous = self.previous, token
        if self.brackets:
            bracket = self.brackets[-1]
            self._fail("syntax", f"'{bracket.text}' was never closed", bracket, f"add '{_CLOSING[bracket.text]}'")
        if self.expecting:
            end = len(self.source)
            message = "the expression ends where a value is expected"
            raise ExpressionError("syntax", message, source=self.source, span=(end, end + 1))

    def _fail(self, code: str, message: str, token: Token, hint: str = "") -> NoReturn:
        raise ExpressionError(code, message, hint, source=self.source, span=token.span)

    def _value(self, token: Token) -> None:
        word = token.text
        if token.kind == "number":
            self._check_number(token)
        if token.kind == "string" and not (self.previous and self.previous.text in ("=", ",", "(")):
            message = "quoted text is not part of the expression language"
            self._fail("syntax", message, token, "remove the quotes")
        if token.kind == "name" and _is_keyword(word):
            self._fail("syntax", f"'{word}' is not part of the expression language", token, _HINTS.get(word, ""))
        if token.kind == "name" and not word.isidentifier():
            plain = word.translate(_PLAIN_DIGITS)
            hint = f"write {plain}" if plain.isidentifier() else ""
            self._fail("syntax", f"'{word}' is not a valid name", token, hint)
        if not self.expecting and self.previous is not None:
            self._missing_operator(self.previous, token)
        self.expecting = False

    def _check_number(self, token: Token) -> None:
        is_decimal = token.text[1:2] not in tuple("xXoObB")
        digits = sum(character.isdigit() if is_decimal else character.isalnum() for character in token.text)
        if digits > _MAX_DIGITS:
            message = f"a number with {digits:,} digits is too long; the limit is {_MAX_DIGITS}"
            self._fail("limit", message, token)
        leading_zeros = re.fullmatch("0+[1-9][0-9]*", token.text)
        if token.text.endswith("_") or "__" in token.text or leading_zeros:
            hint = f"write {token.text.lstrip('0')}" if leading_zeros else ""
            self._fail("syntax", f"'{token.text}' is not a valid number", token, hint)
        if _value(token.text) == math.inf:
            self._fail("limit", "this number exceeds the largest float, about 1.8e308", token, "write inf")

    def _missing_operator(self, previous: Token, token: Token) -> NoReturn:
        left, right = previous.text, token.text
        span = (previous.start, token.start + len(right))
        if right in ("j", "J") and previous.kind == "number" and previous.span[1] == token.start:
            message = f"'{left}{right}' is not a number in the expression language"
            hint = "complex numbers are not supported"
            raise ExpressionError("syntax", message, hint, source=self.source, span=span)
        message = f"an operator is missing between '{left}' and '{right}'"
        hint = self._missing_operator_hint(previous, token)
        raise ExpressionError("notation", message, hint, source=self.source, span=span)

    def _missing_operator_hint(self, previous: Token, token: Token) -> str:
        left, right = previous.text, token.text
        before, after = self.source[: token.start].rstrip(), self.source[token.start :]
        if previous.kind == token.kind == "number":
            joined = f" or {left}{right} for one number" if right.isdigit() else ""
            return f"write [{left}, {right}] for a list{joined}"
        if left in FUNCTIONS and token.kind != "string":
            return _write(f"{before}({right}){after[len(right) :]}", f"write {left}({right})")
        return _write(f"{before}*{after}", "use '*' for multiplication")

    def _operator(self, token: Token) -> None:
        match token.text:
            case "(" | "[":
                self._open(token)
            case ")" | "]":
                self._close(token)
            case ",":
                if self.expecting and not (self.previous is not None and self.previous.text == ":"):
                    self._fail("syntax", "a value is missing before ','", token)
                self.expecting = True
            case "..." if self.brackets and self.brackets[-1].text == "[":
                self._value(token)
            case ".":
                if self.expecting:
                    self._fail("syntax", "a value is missing before '.'", token)
                self.expecting = True
            case "=":
                self._keyword(token)
            case ":" if self.brackets and self.brackets[-1].text == "[":
                self.expecting = True
            case text if text in BINARY:
                if self.expecting and text not in UNARY:
                    self._fail("syntax", f"a value is missing before '{text}'", token)
                self.expecting = True
            case _:
                self._foreign(token)

    def _open(self, token: Token) -> None:
        previous = self.previous
        is_module = self.called[:1].isupper()  # nn.ReLU()(x)
        if not self.expecting and token.text == "(" and previous and previous.kind != "name" and not is_module:
            self._missing_operator(previous, token)
        self.names.append(previous.text if previous and previous.kind == "name" and not self.expecting else "")
        self.brackets.append(token)
        if token.text == "[" and not self.expecting and self.source[token.start + 1 :].lstrip().startswith("]"):
            self._fail("syntax", "the index is empty", token, "write x[0] or x[0:2]")
        if len(self.brackets) > MAX_NESTING:
            self._fail("limit", f"the brackets are nested too deeply; the limit is {MAX_NESTING} levels", token)
        self.expecting = True

    def _close(self, token: Token) -> None:
        if not self.brackets:
            self._fail("syntax", f"unmatched '{token.text}'", token)
        opening = self.brackets.pop()
        self.called = self.names.pop()
        if _CLOSING[opening.text] != token.text:
            message = f"'{token.text}' does not match '{opening.text}'"
            self._fail("syntax", message, token, f"close it with '{_CLOSING[opening.text]}'")
        if self.expecting and (self.previous is None or self.previous.text not in ("(", "[", ",", ":")):
            self._fail("syntax", f"a value is missing before '{token.text}'", token)
        self.expecting = False

    def _keyword(self, token: Token) -> None:
        names_an_argument = (
            self.previous is not None
            and self.previous.kind == "name"
            and self.before_previous is not None
            and self.before_previous.text in ("(", ",")
            and self.brackets
            and self.brackets[-1].text == "("
        )
        if not names_an_argument:
            hint = "set a variable with an option: --x 3; compare with =="
            self._fail("notation", "'=' is not part of the expression language", token, hint)
        self.expecting = True

    def _quotation_mark(self, token: Token) -> NoReturn:
        message = f"'{token.text}' is {unicodedata.name(token.text)}, a typographic quotation mark"
        fixed = re.sub(f"(?<==)[{QUOTES}]([^{QUOTES}]*)[{QUOTES}]", r"'\1'", self.source)  # reduction=‘sum’
        fixed = re.sub(f"[{QUOTES}]", "", fixed)
        self._fail("notation", message, token, _write(fixed, "delete it") if fixed.strip() else "delete it")

    def _foreign(self, token: Token) -> NoReturn:
        text = token.text
        if text in QUOTES:
            self._quotation_mark(token)
        if text in _REPLACEMENTS:
            fixed = self.source.replace(text, _REPLACEMENTS[text])
            message = (
                "'^' is not the power operator in PyTorch" if text == "^" else f"'{text}' is not an operator in PyTorch"
            )
            self._fail("notation", message, token, _write(fixed, f"write {_REPLACEMENTS[text]}"))
        bars = _BARS.match(self.source, token.start)
        if bars:
            end = bars.end()
            fixed = _BARS.sub(r"abs(\1)", self.source)
            message = "'|' does not denote an absolute value in PyTorch"
            hint = _write(fixed, "write abs(x)")
            raise ExpressionError("notation", message, hint, source=self.source, span=(token.start, end))
        hint = _HINTS["~"] if text == "!" and self.expecting else _HINTS.get(text, "")
        self._fail("syntax", f"'{text}' is not part of the expression language", token, hint)
