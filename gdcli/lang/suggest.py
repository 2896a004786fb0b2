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
    "arctg": "atan",
    "fabs": "abs",
    "sgn": "sign",
    "power": "pow",
    "gammaln": "lgamma",
    "psi": "digamma",
    "heaviside_step": "heaviside",
    "matrix": "tensor",
    "array": "tensor",
    "vector": "tensor",
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
    swaps = len(name) - 1 if len(name) <= max(map(len, lowered), default=0) else 0  # a longer name is none of them
    for i in range(swaps):  # two letters in the wrong order
        swapped = f"{name[:i]}{name[i + 1]}{name[i]}{name[i + 2 :]}".lower()
        if swapped in lowered:
            return lowered[swapped]
    matches = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[matches[0]] if matches else None


# Settings under the names that other tools give them.
_FOREIGN_SETTINGS = {
    name: setting
    for setting, names in {
        "expression": "expr f fn fun func function formula objective loss cost equation problem",
        "values": "x0 start starts init initial initial_values initial_guess params parameters variables vars point at",
        "lr": "learning_rate learningrate rate alpha eta step_size stepsize lr0 initial_lr base_lr",
        "steps": "epochs epoch num_epochs n_epochs max_epochs iterations iteration iters iter num_iterations "
        "n_iterations max_iterations max_iter maxiter max_iters n_iter niter num_iter num_steps n_steps nsteps "
        "max_steps maxsteps updates",
        "optimizer": "optim optimiser opt_name method algorithm algo solver rule update_rule",
        "schedule": "scheduler lr_scheduler lr_schedule",
        "sched": "scheduler_params scheduler_kwargs",
        "opt": "optimizer_params optimizer_kwargs optimizer_args",
        "tol_grad": "tol gtol tolerance grad_tol",
        "tol_loss": "ftol f_tol loss_tol",
        "tol_x": "xtol x_tol",
        "bound": "bounds",
        "clip_norm": "clip max_norm clip_grad clip_grad_norm grad_clip gradient_clipping max_grad_norm",
        "clip_value": "clip_grad_value",
        "weight_decay": "wd l2 l2_penalty",
        "maximize": "maximise",
        "dtype": "precision type data_type",
        "seed": "random_seed random_state manual_seed rng",
        "wrt": "with_respect_to requires_grad",
        "activation": "act",
        "racer": "racers",
    }.items()
    for name in names.split()
}


def setting_of_others(name: str) -> str:
    """The setting that other tools call by this name; empty where there is none."""
    return _FOREIGN_SETTINGS.get(name.lower().replace("-", "_"), "")


def setting_meant(name: str, settings: Collection[str]) -> str | None:
    """The setting that a wrong name stands for: as other tools call it, or the nearest in spelling."""
    foreign = setting_of_others(name)
    if foreign == "expression" and "expressions" in settings:
        foreign = "expressions"
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
