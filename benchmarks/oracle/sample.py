"""Which runs are judged: problems of the catalogue with drawn rules, rates and dtypes, and cases made by hand."""

from __future__ import annotations

import random

from gdcli.lang.problems import PROBLEMS
from oracle.made import MADE
from oracle.ran import Case

# Each with how often it is drawn; the theory of a diagnosis speaks of the first ones.
_RULES = (
    ("", 6),
    ("--optimizer sgd", 1),
    ("--optimizer sgd --momentum 0.9", 3),
    ("--optimizer sgd --momentum 0.9 --nesterov", 2),
    ("--optimizer manual-momentum --momentum 0.8", 1),
    ("--optimizer adam", 3),
    ("--optimizer adamw --weight-decay 0.1", 1),
    ("--optimizer rmsprop", 2),
    ("--optimizer adagrad", 1),
    ("--optimizer rprop", 1),
    ("--optimizer lbfgs", 1),
    ("--optimizer lbfgs --opt line_search_fn=strong_wolfe", 1),
    ("--optimizer newton", 1),
    ("--optimizer manual-backtracking", 1),
    ("--optimizer manual-exact", 1),
)
_RATES = ("1e-4", "1e-3", "0.01", "0.03", "0.1", "0.3", "1")
_MORE = (
    ("", 12),
    ("--steps 30", 2),
    ("--steps 400", 2),
    ("--tol-grad 1e-6", 1),
    ("--tol-grad 0,1e-4", 1),
    ("--schedule cosine --sched T_max=100", 1),
)
_COSTLY = ("lbfgs", "newton", "exact")
_LINEAR_ONLY = (("", 12), ("--weight-decay 0.01", 1), ("--clip-norm 1", 1))
_DTYPES = (("", 2), ("--dtype float64", 1))


def cases(runs: int, seed: int) -> list[Case]:
    """So many cases: the ones made by hand are at most a third, drawn where that is fewer than all."""
    draw = random.Random(seed)
    made = draw.sample(MADE, min(len(MADE), runs // 3))
    names = sorted(PROBLEMS)
    draw.shuffle(names)
    return [*made, *(_drawn(names[i % len(names)], draw) for i in range(runs - len(made)))]


def _drawn(name: str, draw: random.Random) -> Case:
    rule = _one(_RULES, draw)
    words = f"{name} {rule} --lr {draw.choice(_RATES)} {_one(_DTYPES, draw)}"
    if not any(costly in rule for costly in _COSTLY):
        words += f" {_one(_MORE, draw)}"
    if "sgd" in rule or not rule:
        words += f" {_one(_LINEAR_ONLY, draw)}"
    return Case(tuple(words.split()))


def _one(choices: tuple[tuple[str, int], ...], draw: random.Random) -> str:
    return draw.choices([words for words, _ in choices], [weight for _, weight in choices])[0]
