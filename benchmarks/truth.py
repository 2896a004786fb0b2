"""How many sentences of the diagnosis hold: ``python benchmarks/truth.py [--runs N] [--seed S]``.

Runs ``gdcli minimize`` on a seeded sample of problems, rules, rates and dtypes, and on cases made by hand, and judges
what is said about each run: predicted steps by making them, remedies by pasting them after the command, causes by
calculations in float64 that share no code with the diagnosis (``oracle/``). It prints a table in Markdown: for each
code how many statements of each kind were made, how many hold, and how many could not be judged. ``--verbose`` prints
each statement that does not hold, with the command that shows it; ``--only CODE`` keeps the statements of one code.
The exit code is 1 when fewer hold than should.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from oracle.ran import Case
from oracle.sample import cases
from oracle.statement import Statement

PROCESSES = 2
CASES_AT_ONCE = 4  # that a process gets
GOALS = {"predicted steps within 10%": 0.95, "ended above the minimum, and is not silent": 0.99}
"""The share of statements of a kind that should hold; of all others, all."""


def judged(case: Case) -> tuple[Case, list[Statement]]:
    """The statements about one case; a failure of the oracle is a statement that could not be judged."""
    import torch
    from oracle.judge import judge

    torch.set_num_threads(1)
    try:
        return case, judge(case)
    except Exception as error:  # noqa: BLE001 -- the other runs shall be judged all the same
        return case, [Statement("(oracle)", "failed", None, f"{type(error).__name__}: {error}")]


def table(statements: Iterable[Statement]) -> tuple[str, bool]:
    """The counts as Markdown, and whether fewer statements of a kind hold than should."""
    made: Counter[tuple[str, str]] = Counter()
    hold: Counter[tuple[str, str]] = Counter()
    unknown: Counter[tuple[str, str]] = Counter()
    for each in statements:
        key = each.code, each.kind
        if each.holds is None:
            unknown[key] += 1
        else:
            made[key] += 1
            hold[key] += each.holds
    lines = [
        "| finding | statement | judged | hold | share | goal | | not judged |",
        "|---|---|---:|---:|---:|---:|---|---:|",
    ]
    missed = False
    for code, kind in sorted({*made, *unknown}):
        key = code, kind
        share, goal = hold[key] / made[key] if made[key] else 1.0, GOALS.get(kind, 1.0)
        missed |= share < goal
        judged = f"{made[key]} | {hold[key]} | {share:.1%} | {goal:.0%} | {'ok' if share >= goal else 'under'}"
        lines.append(f"| {code} | {kind} | {judged if made[key] else '0 | | | |'} | {unknown[key] or ''} |")
    return "\n".join(lines), missed


def main(words: Sequence[str] | None = None) -> int:
    """Judge the sample, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1500, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", metavar="CODE", help="count and print statements of this code alone")
    parser.add_argument("--verbose", action="store_true", help="print each statement that does not hold")
    options = parser.parse_args(words)
    started, statements = time.perf_counter(), []
    chosen = list(cases(options.runs, options.seed))
    processes = min(PROCESSES, -(-len(chosen) // CASES_AT_ONCE))  # one takes seconds to start
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for case, found in pool.imap(judged, chosen, chunksize=CASES_AT_ONCE):
            kept = [each for each in found if options.only in (None, each.code)]
            statements += kept
            for each in kept:
                if options.verbose and (each.holds is False or each.code == "(oracle)" or each.kind == "refused"):
                    print(f"{each.code}: {each.kind}: {each.why}\n    {case.command}", flush=True)
    text, missed = table(statements)
    print(text)
    print(f"{options.runs} runs in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
