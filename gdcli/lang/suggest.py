"""Suggestions: similar names, names from other tools, and letters that look like Latin ones."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterable

# A name as Python has it: letters, digits, and marks that stand on or beside a letter (x⃗, NFD text, Devanagari).
NAME = r"[^\W\d][\w\u0300-\u036f\u0900-\u0dff\u20d0-\u20f0]*"

# Cyrillic and Greek letters that look like Latin ones.
_LOOKALIKES = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеіјорсухѕԁԛԝһΑΒΕΖΗΙΚΜΝΟΡΤΥΧονι",
    "ABESIJKMHOPCTYXaeijopcyxsdqwhABEZHIKMNOPTYXovi",
)

# Dashes and quotation marks that word processors and web pages put in the place of - and ".
DASHES = "‐‑‒–—―−﹣－"
QUOTES = "“”„‟‘’‚‛«»‹›"
_TYPED = str.maketrans(dict.fromkeys(DASHES, "-") | dict.fromkeys(QUOTES, None))

# Functions under the names that other tools and textbooks give them.
FOREIGN_FUNCTIONS = {
    "ln": "log",
    "lg": "log10",
    "lb": "log2",
    "tg": "tan",
    "tgh": "tanh",
    "th": "tanh",
    "sh": "sinh",
    "ch": "cosh",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctg": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "absolute": "abs",
    "fabs": "abs",
    "sgn": "sign",
    "power": "pow",
    "gammaln": "lgamma",
    "psi": "digamma",
    "heaviside_step": "heaviside",
    "matrix": "tensor",
    "array": "tensor",
    "vector": "tensor",
    "concatenate": "cat",
    "average": "mean",
    "inv": "inverse",
    "tr": "trace",
    "transposed": "transpose",
    "identity": "eye",
    "range": "arange",
    "random": "rand",
    "logistic": "sigmoid",
    "expit": "sigmoid",
    "swish": "silu",
    "iif": "where",
    "ifelse": "where",
    "select_where": "where",
}


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to ``name`` in spelling, or None when nothing is near."""
    known = list(candidates)
    lowered = {candidate.lower(): candidate for candidate in reversed(known)}
    matches = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[matches[0]] if matches else None


# Settings under the names that other tools give them.
_FOREIGN_SETTINGS = {
    "learning_rate": "lr",
    "eta": "lr",
    "epochs": "steps",
    "iterations": "steps",
    "iters": "steps",
    "max_iter": "steps",
    "n_iter": "steps",
    "method": "optimizer",
    "algorithm": "optimizer",
    "scheduler": "schedule",
    "tol": "tol_grad",
    "gtol": "tol_grad",
    "ftol": "tol_loss",
    "xtol": "tol_x",
    "bounds": "bound",
    "wd": "weight_decay",
}


def setting_meant(name: str, settings: Collection[str]) -> str | None:
    """The setting that a wrong name stands for: as other tools call it, or the nearest in spelling."""
    foreign = _FOREIGN_SETTINGS.get(name.lower().replace("-", "_"))
    return foreign if foreign in settings else closest(name, settings)


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """A hint, or an empty string when nothing is near."""
    match = closest(name, candidates)
    return f"did you mean '{match}'?" if match else ""


def lookalike(name: str, candidates: Iterable[str]) -> str:
    """A hint when ``name`` is one of the candidates written with letters that look like Latin ones."""
    latin = name.translate(_LOOKALIKES)
    if latin == name or latin not in set(candidates):
        return ""
    letter = next(c for c, plain in zip(name, latin, strict=True) if c != plain)
    place = f"the '{letter}' in '{name}'" if len(name) > 1 else f"'{letter}'"
    return f"{place} is {unicodedata.name(letter)}; type '{latin}' in Latin letters"


def typographic(text: str) -> str:
    """A hint when there is a typographic dash or quotation mark in the text; otherwise an empty string."""
    letter = next((c for c in text if c in DASHES + QUOTES), "")
    return f"'{letter}' is {unicodedata.name(letter)}; type {text.translate(_TYPED)}" if letter else ""


def variables_listed(names: Collection[str]) -> str:
    """A hint that says which variables there are."""
    if not names:
        return "the expression has no variables"
    return f"the {'only variable is' if len(names) == 1 else 'variables are'} {', '.join(names)}"
