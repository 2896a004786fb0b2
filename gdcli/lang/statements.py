"""The statements of a program that are refused, with what takes their place, and the imports that are not."""

from __future__ import annotations

import re

from gdcli.errors import ExpressionError
from gdcli.lang.nodes import Span
from gdcli.lang.suggest import did_you_mean

IMPORTS = {
    "torch": "torch",
    "torch.nn": "nn",
    "torch.nn.functional": "F",
    "torch.linalg": "linalg",
    "torch.special": "special",
    "numpy": "np",
    "math": "math",
}
"""The modules that a program may import, and the short names of those."""

_UNNEEDED = {
    "if": "write where(condition, a, b)",
    "elif": "write where(condition, a, b)",
    "else": "write where(condition, a, b)",
    "class": "define a function: def f(x): return ...",
    "del": "remove the line",
    "assert": "remove the line",
    "pass": "remove the line",
    "global": "give the function another parameter",
    "nonlocal": "give the function another parameter",
    "try": "remove the line",
    "except": "remove the line",
    "finally": "remove the line",
    "raise": "remove the line",
    "async": "remove the line",
    "yield": "write return",
    "break": "remove the line",
    "continue": "remove the line",
}
_LOOP = re.compile(r"(for|while|with)\b")
_UPDATE = re.compile(
    r"\.\s*(?:zero_grad|step)\s*\(|\.\s*grad\s*\.\s*(?:data\s*\.\s*)?\w+_\s*\(|\.\s*grad\b.*=|=.*\.\s*grad\b|\.\s*data\s*[-+*/]?="
)
_MODULE = re.compile(r"([\w.]+)(?:\s+as\s+(\w+))?")
_IMPORT = re.compile(rf"import\s+{_MODULE.pattern}(?:\s*,\s*{_MODULE.pattern})*\s*$")
_FROM = re.compile(r"from\s+(?P<module>[\w.]+)\s+import\s+(?P<names>.+)$")
_RANGE = re.compile(r"\brange\s*\(\s*(?:[\d_]+\s*,\s*)?(\w+)\s*\)")
_NUMBER = r"([\d_]*\.?\d+(?:[eE][-+]?\d+)?|\d+\.)"
_RATES = (
    re.compile(rf"\blr\s*=\s*{_NUMBER}"),
    re.compile(rf"-=?\s*\(?\s*{_NUMBER}\s*\*\s*\w+\s*\.\s*grad"),
    re.compile(rf"\b(?:learning_rate|lr|eta|alpha|step_size)\s*=\s*{_NUMBER}"),
)
_OPTIMIZER = re.compile(r"\boptim\s*\.\s*(\w+)\s*\(")


def refuse(source: str, code: str, span: Span) -> None:
    """Raise ExpressionError for a statement that is Python's and not part of a program, or of a training loop."""
    text = code[slice(*span)]
    if _LOOP.match(text) or _UPDATE.search(text):
        message = "a training loop is not part of a program"
        hint = f"leave it out, keep its lines up to backward(), and run: {_command(source)}"
        raise ExpressionError("statement", message, hint, source=source, span=span)
    word = re.match(r"\w+", text)
    if word and word[0] in _UNNEEDED:
        message = f"'{word[0]}' is not part of a program"
        raise ExpressionError("statement", message, _UNNEEDED[word[0]], source=source, span=span)
    if text[0] in "%!":
        message = f"a line that begins with '{text[0]}' is a command of the notebook, not of Python"
        raise ExpressionError("statement", message, "remove the line", source=source, span=span)


def _command(source: str) -> str:
    """The command that runs the loop of a program, with the rate and the number of steps that stand in it."""
    words = ["gdcli minimize --file cell.py"]
    if found := _OPTIMIZER.search(source):
        words.append(f"--optimizer {found[1].lower()}")
    if rate := next(filter(None, (pattern.search(source) for pattern in _RATES)), None):
        words.append(f"--lr {rate[1].replace('_', '')}")
    if (steps := _RANGE.search(source)) and (count := _whole(steps[1], source)):
        words.append(f"--steps {count}")
    return " ".join(words)


def _whole(word: str, source: str) -> str:
    """The whole number that a word is, or that the program gives to it."""
    given = re.search(rf"(?m)^\s*{re.escape(word)}\s*=\s*([\d_]+)[ \t]*(?:#.*)?$", source)
    number = (given[1] if given else word).replace("_", "")
    return number if number.isdecimal() else ""


def imported(source: str, code: str, span: Span) -> dict[str, str]:
    """The names that an import brings, and what each stands for: a module of ``IMPORTS``, or a name in one.

    Raises:
        ExpressionError: for a module that a program cannot import.
    """
    text = code[slice(*span)]
    if _IMPORT.match(text):
        brought: dict[str, str] = {}
        for module, name in _MODULE.findall(text.removeprefix("import")):
            if module not in IMPORTS:
                break
            root = module.partition(".")[0]
            brought |= {name: IMPORTS[module]} if name else {root: IMPORTS[root]}
        else:
            return brought
    elif found := _FROM.match(text):
        module = found["module"]
        parts = [part.split() for part in found["names"].strip("() ").split(",") if part.strip()]
        if module in IMPORTS and all(len(part) == 1 or (len(part) == 3 and part[1] == "as") for part in parts):
            paths = {part[-1]: f"{module}.{part[0]}" for part in parts if part[0] != "*"}
            return {name: IMPORTS.get(path, path) for name, path in paths.items()}
    else:
        raise ExpressionError("syntax", "this is not a valid import", source=source, span=span)
    message = f"a program cannot import {module}"
    hint = did_you_mean(module, IMPORTS) or f"remove the line; a program can import {', '.join(IMPORTS)}"
    raise ExpressionError("statement", message, hint, source=source, span=span)
