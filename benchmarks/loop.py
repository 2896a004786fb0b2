"""gdcli's own loop, a number of recorded steps of a rule. Prints the seconds that the loop took.

``python benchmarks/loop.py RULE STEPS`` records plain numbers of the notebook's descent of one number;
``python benchmarks/loop.py RULE STEPS SIZE [diagnose]`` keeps the states of a matrix of SIZE x SIZE, and with
``diagnose`` looks for what the diagnosis needs too. ``python benchmarks/loop.py RULE STEPS program`` takes thirty
statements in the place of one expression.
"""

import sys
import time
from pathlib import Path

import gdcli

optimizer, steps, *more = sys.argv[1:]
expression = "(x - 1.5)**2"
if more == ["program"]:
    more, expression = [], f"{(Path(__file__).parent / 'plain' / 'thirty.py').read_text()}\ny = f(x)"
if more:
    size = int(more[0])
    settings = {"lr": 0.001, "optimizer": optimizer, "steps": int(steps), "diagnose": "diagnose" in more}
    descent = gdcli.minimize("sum((W - 0.5)**2)", W=f"rand({size}, {size})", settings=settings)
else:
    descent = gdcli.minimize(expression, x=4, lr=0.1, optimizer=optimizer, steps=int(steps), diagnose=False)
started = time.perf_counter()
records = list(descent.states() if more else descent)
print(time.perf_counter() - started)
