"""A campaign against gdcli: generated expressions and commands, for as long as one likes.

    python -m tests.campaign --minutes 60 --seed 1
    python -m tests.campaign --only expressions --case 1234 --seed 1

Every case follows from the seed and its number, so one that failed can be repeated alone. Expressions are compared with
Python's own evaluation over PyTorch: values bit by bit, and what is refused. Commands must answer with one of the exit
codes, without an internal error, and with strict JSON where they were asked for it. Each case runs in a fork, with a
limit of time and memory. The campaign ends with exit code 1 when there were failures.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from gdcli.cli.main import run
from tests.generated.commands import command_case
from tests.generated.examples import example_case
from tests.generated.expressions import expression_case

SECONDS, MEGABYTES = 60.0, 2_000  # of one case; torch alone takes the first 300 MB
_BATCH = 500  # cases that one fork does, one after the other

Case = Callable[[random.Random], Iterator[str]]
"""Makes a case and yields what it is, then does it and yields what is wrong with it; an empty text if nothing is."""

KINDS: dict[str, Case] = {"expressions": expression_case, "examples": example_case, "commands": command_case}


class Failure(NamedTuple):
    """A case that failed: its kind and number, what was done, and what was wrong with it."""

    kind: str
    number: int
    what: str
    wrong: str


def source(kind: str, seed: int, number: int) -> random.Random:
    """The random numbers of a case."""
    return random.Random(f"{kind} {seed} {number}")


def failures(kind: str, seed: int, numbers: range) -> Iterator[Failure]:
    """Do cases in forks, and yield those that fail, hang or end the process."""
    number = numbers.start
    while number < numbers.stop:
        for told in _in_a_fork(kind, seed, range(number, min(number + _BATCH, numbers.stop))):
            number = told.number + 1
            if told.wrong:
                yield told


def _in_a_fork(kind: str, seed: int, numbers: range) -> Iterator[Failure]:
    """What was wrong with each case, an empty text where nothing was; the last one may have ended the fork."""
    ours, its = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _do(kind, seed, numbers, its)
    os.close(its)
    begun: tuple[int, str] | None = None
    with os.fdopen(ours, "rb", buffering=0) as told:
        buffer = b""
        while True:
            if not select.select([told], [], [], SECONDS)[0]:
                os.kill(child, signal.SIGKILL)
                assert begun, "a fork does not start"
                yield Failure(kind, *begun, f"took more than {SECONDS:g} s")
                break
            piece = told.read(65536)
            if not piece:
                _, status = os.waitpid(child, 0)
                code = os.waitstatus_to_exitcode(status)
                if code and begun:
                    yield Failure(kind, *begun, f"the process ended with {code}")
                return
            buffer += piece
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                number, _, text = line.decode("utf-8", "replace").partition(" ")
                if text.startswith("begin "):
                    begun = int(number), text.removeprefix("begin ")
                elif begun:
                    yield Failure(kind, *begun, text.removeprefix("end "))
                    begun = None
    os.waitpid(child, 0)


def _do(kind: str, seed: int, numbers: range, pipe: int) -> None:
    """Do the cases, and tell each before it begins and when it has ended."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEGABYTES << 20, MEGABYTES << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(quiet, stream)
    torch.empty(2, device="meta").sum()  # what is imported at its first use, and would count as the time of a case
    run(["compare", "rosenbrock", "--steps", "5", "--plot"])
    run(["minimize", "gaussian", "--steps", "5", "--check"])
    for number in numbers:
        case = KINDS[kind](source(kind, seed, number))
        for word in ("begin", "end"):
            os.write(pipe, f"{number} {word} {' '.join(next(case).splitlines())}\n".encode("utf-8", "backslashreplace"))
    os._exit(0)


def main() -> int:
    """Run the campaign; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS, action="append", help="this kind of cases alone")
    parser.add_argument("--case", type=int, help="this case alone")
    given = parser.parse_args()
    kinds, end = given.only or list(KINDS), time.monotonic() + 60 * given.minutes
    found, done, first = 0, 0, given.case or 0
    while True:
        for kind in kinds:
            numbers = range(first, first + (1 if given.case is not None else _BATCH))
            for failure in failures(kind, given.seed, numbers):
                found += 1
                print(f"{failure.kind} {failure.number}: {failure.what}\n    {failure.wrong}", flush=True)
            done += len(numbers)
        first += _BATCH
        if given.case is not None or time.monotonic() > end:
            break
    print(f"{done:,} cases, {found:,} failures")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
