"""What ``--live`` costs at full speed, in a pseudo-terminal: ``python benchmarks/live.py [NAME...] [--runs N]``.

As in run.py, two processes in turn: 100,000 steps on a terminal with and without ``--live``. The seconds are those of
the loop alone. The exit code is 1 when something is over budget.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading

import run

BUDGET = 1.1  # times the loop without it
_STEPS = "100000"
_SIZE = struct.pack("HHHH", 40, 120, 0, 0)  # rows, columns
WORDS = {
    "curve": [],
    "contour": ["rosenbrock", "--lr", "1e-4"],
    "sgd": ["--optimizer", "sgd"],
    "document": ["--json", "--output", os.devnull],
}


def seconds_on_a_terminal(process: run.Process) -> float:
    """The time that a process on a terminal of 120 by 40 measured itself, and printed on standard error."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, _SIZE)
    env = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(process.command, stdin=terminal, stdout=terminal, stderr=subprocess.PIPE, env=env) as child:
        os.close(terminal)
        reader = threading.Thread(target=_read_all, args=(controller,))
        reader.start()
        _, printed = child.communicate()
        reader.join()
    os.close(controller)
    process.check(child.returncode)
    return float(printed.split()[0])


def _read_all(controller: int) -> None:
    try:
        while os.read(controller, 65_536):
            pass
    except OSError:  # the other side is closed
        pass


if __name__ == "__main__":
    run.BENCHMARKS[:] = [
        run.Benchmark(
            name,
            run.script("loop_live.py", "live", _STEPS, *words),
            run.script("loop_live.py", "plain", _STEPS, *words),
            BUDGET,
            seconds_on_a_terminal,
        )
        for name, words in WORDS.items()
    ]
    sys.exit(run.main())
