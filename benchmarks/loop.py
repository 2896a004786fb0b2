"""gdcli's own loop, a number of recorded steps of a rule. Prints the seconds that the loop took.

``python benchmarks/loop.py RULE STEPS`` records plain numbers of the notebook's descent of one number;
``python benchmarks/loop.py RULE STEPS SIZE [diagnose]`` keeps the states of a matrix of SIZE x SIZE, and with
``diagnose`` looks for what the diagnosis needs too.
"""

import sys
import time

import gdcli

optimizer, steps, *more = sys.argv[1:]
if more:
    size = int(more[0])
    settings = {"lr": 0.001, "optimizer": optimizer, "steps": int(steps), "diagnose": "diagnose" in more}
    descent = gdcli.minimize("sum((W - 0.5)**2)", W=f"rand({size}, {size})", settings=settings)
else:
    descent = gdcli.minimize("(x - 1.5)**2", x=4, lr=0.1, optimizer=optimizer, steps=int(steps), diagnose=False)
started = time.perf_counter()
records = list(descent.states() if more else descent)
print(time.perf_counter() - started)
