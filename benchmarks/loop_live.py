"""The loop of a command on a terminal, with or without ``--live``. Prints the seconds that it took on standard error.

``python benchmarks/loop_live.py live|plain STEPS WORDS``: the words are those of ``gdcli minimize``.
"""

import sys
import time
from unittest import mock

from gdcli.cli import descend
from gdcli.cli.main import run

how, steps, *words = sys.argv[1:]
iterations = descend.Collector.iterations


def timed(collector):
    """The iterations that a command looks at, from the first one to the last."""
    started = time.perf_counter()
    yield from iterations(collector)
    print(time.perf_counter() - started, file=sys.__stderr__)


with mock.patch.object(descend.Collector, "iterations", timed):
    sys.exit(run(["minimize", *words, "--steps", steps, "--no-diagnose", *(["--live"] if how == "live" else [])]))
