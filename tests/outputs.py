"""What 264 commands print, for a comparison of two versions byte for byte.

``python tests/outputs.py DIR`` writes a file for each command: its exit code, standard output and standard error.
``python tests/outputs.py DIR OLD`` then prints what differs from the files of another version.
"""

from __future__ import annotations

import difflib
import itertools
import json
import os
import shlex
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conftest import in_process

RULES = [
    "manual", "manual-momentum", "manual-nesterov", "manual-adam", "sgd", "adam", "adamw", "amsgrad", "nadam", "radam",
    "adamax", "adagrad", "adadelta", "rmsprop", "rprop", "asgd", "adafactor", "lbfgs",
]  # fmt: skip
SCHEDULES = [
    "constant --sched factor=0.5 --sched total_iters=3", "linear", "exponential --sched gamma=0.9", "polynomial",
    "step --sched step_size=3", "multistep --sched milestones=2,4", "cosine --sched T_max=10",
    "cosine-restarts --sched T_0=4", "cyclic --sched base_lr=0.01 --sched max_lr=0.1",
    "one-cycle --sched max_lr=0.1 --sched total_steps=50", "plateau --sched patience=1",
    "lambda --sched lr_lambda=0.95**epoch", "multiplicative --sched lr_lambda=0.95+0*epoch",
]  # fmt: skip

MATRIX = 'minimize "sum((W @ v - 1)**2)" --W "rand(2,3)" --v 1,2,3 --wrt W --lr 0.02'
CHAIN = 'minimize "x**2 + 10*y**2" --x 10 --y 1'

COMMANDS = rf"""
--help
--version
ops --help
grad --help
minimize --help
fit-linear --help
compare --help
plot --help
functions --help
optimizers --help
problems --help
schema --help
schema
ops
ops --json
ops --csv
ops --code
ops "a @ b" "sinn(a)" "a[7]" --a 1,2 --b 3,4 --digits 17
ops "rand(2,2)" "randn(3)" --seed 4 --dtype float64 --json
grad
grad --json
grad --csv
grad --code
grad "log(x**2+y**2)" --x 15 --y 24
grad "tan(1 + x**2)" --x 1 --explain
grad "sum(torch.relu(W.matmul(x) - 1)**2)" --W "rand(3,4)" --x "arange(4)" --explain --depth 3
grad "sum(torch.relu(W.matmul(x) - 1)**2)" --W "rand(3,4)" --x "arange(4)" --explain --json
grad "x**3*y + sin(x)" --x 1 --y 2 --symbolic
grad "x**3*y + sin(x)" --x 1 --y 2 --latex --json
grad "x**3*y + sin(x)" --x 1 --y 2 --hessian
grad "x**3*y + sin(x)" --x 1 --y 2 --hessian --json
grad "W @ x" --W "[[1,2],[3,4]]" --x 1,2 --jacobian
grad "W @ x" --W "[[1,2],[3,4]]" --x 1,2 --jacobian --json
grad "abs(x) + relu(y)" --x 0 --y 1 --check
grad "softplus(x)*erf(y)" --x 0.3 --y 1 --check --json
grad "x**2" --x 1,2,3 --each
grad "x**2" --x 1,2,3 --each --json
grad "x**2" --x 1,2,3 --each --jsonl
grad "x**2" --x 1,2,3 --each --csv
grad "sqrt(x)" --x 0
minimize
minimize --json
minimize --jsonl --steps 5
minimize --csv --steps 5
minimize --code
minimize --all --digits 17
minimize --every 7 --steps 300
minimize --steps 1000
minimize --steps 0 --csv
minimize --steps 0 --json
minimize --update rebind
minimize --update rebind --json --steps 4
minimize --update rebind --code
minimize --lr 1.2
minimize --lr 1.2 --json --steps 400
minimize --lr 1
minimize --tol-grad 1e-6 --json --steps 500
minimize --tol-grad 1e-6,1e-3 --code
minimize --tol-loss 1e-9 --steps 500
minimize --tol-x 1e-7,1e-7 --steps 500 --json
minimize --tol-x 1e-7,1e-7 --code
minimize --tol-grad 0 --steps 1000 --json
minimize --lr 1 --tol-grad 1e-9
minimize --walk --steps 3
minimize --walk --steps 3 --json
minimize --walk --steps 3 --jsonl
minimize --check
minimize --check --json
minimize --no-diagnose --json
minimize --lr auto
minimize --lr 0.1 --tol-grad 1e-30 --require-convergence
minimize --maximize --steps 20
minimize "4 - (x-1)**2" --x 3 --maximize --json
minimize --plot
minimize --dtype float64 --json
minimize --dtype bfloat16 --steps 20
minimize --clip-norm 1 --steps 10 --json
minimize --clip-value 0.5 --steps 10 --walk
minimize --bound x=2:5 --steps 20 --json
minimize --bound x=2:5 --steps 4 --walk --code
minimize --bound x=2:5 --steps 4 --walk
minimize --lr-factor 3=0.5 --steps 6 --json
minimize --lr-factor 3=0.5 --steps 6 --code
minimize rosenbrock --lr 1e-3 --steps 300
minimize rosenbrock --lr 1e-3 --steps 300 --plot
minimize rosenbrock --lr 1e-3 --steps 60 --json
minimize rosenbrock --lr 1e-3 --code
minimize rosenbrock --dim 5 --lr 1e-4 --steps 30 --json
minimize himmelblau --lr 0.01 --steps 200 --json
minimize rastrigin --lr 0.01 --steps 50
minimize beale --lr 0.1
minimize quadratic-10 --lr 0.05 --steps 200
{CHAIN} --lr 0.11 --steps 40
{CHAIN} --lr.y 0.01 --lr 0.1 --json --steps 12
{CHAIN} --lr.y 0.01 --lr 0.1 --code
{CHAIN} --lr.y 0.01 --lr 0.1 --schedule cosine --sched T_max=5 --code
{CHAIN} --lr 0.01 --csv
{CHAIN} --lr 0.01 --plot
{MATRIX} --json
{MATRIX} --csv --steps 5
{MATRIX} --walk --steps 2
{MATRIX} --steps 30 --plot
{MATRIX} --code
minimize "x**2 - y**2" --x 1 --y 0 --lr 0.1 --steps 60
minimize "x**4 - 2*x**2" --x 0 --lr 0.1
minimize "relu(x)" --x -1
minimize "sqrt(x)" --x 1 --lr 0.3
minimize "exp(-x**2)" --x 6
minimize "sgn(x)*x" --x 0 --steps 5
minimize "(x - 1)**2 + rand(1)" --x 3 --steps 5 --json
minimize "x**2" --optimizer muon --x 1
minimize "sum(W**2)" --W "rand(3,3)" --optimizer muon --json --steps 5
minimize "sum(W**2)" --W "rand(3,3)" --optimizer muon --code
fit-linear
fit-linear --json
fit-linear --jsonl
fit-linear --csv
fit-linear --code
fit-linear --plot
fit-linear --seed 3 --lr 0.03 --steps 40
fit-linear --activation leaky_relu --steps 50 --lr 0.01
fit-linear --activation none --lr 0.01 --optimizer adam --walk --steps 2 --json
fit-linear --W "zeros(2, 3)" --x 1,2,3 --target 4,5 --activation none --lr 0.02 --json
fit-linear --tol-grad 1e-3 --lr 0.01 --steps 200
compare
compare --json
compare --csv
compare himmelblau --optimizer sgd,adam,lbfgs,adafactor --lr 0.01 --starts 6 --json
compare quadratic-10 --tune --rates 6 --steps 200
compare quadratic-10 --tune --rates 6 --steps 100 --optimizer sgd,lbfgs,rprop,manual-nesterov --json
compare beale --optimizer manual,manual-momentum,manual-nesterov --lr auto --json
compare "x**4 - x**2" --optimizer sgd,adam --opt adam.betas=0.8,0.9 --domain x=-2:2 --starts 5
compare rosenbrock --plot
compare rosenbrock --optimizer sgd,manual --lr 0.01 --clip-norm 1 --bound x=-1:2 --starts 3 --steps 60 --json
plot
plot "x**2 * sin(x)"
plot "tan(x)" --field --json
plot "x**2 + y**2" --x -1:1 --y -2:2 --field
plot rastrigin --csv
functions
functions --json
functions relu
optimizers
optimizers --json
optimizers adam
optimizers cosine
problems
problems --json
problems rosenbrock
grad "sinn(x)" --x 1
grad "x^2" --x 1 --json
grad "2x" --x 1
minimize --stpes 3
minimize --lr -1
minimize --optimizer adm
minimize "x**2" --x 1 --lrs y=3
minimize --tol-grad x
minimize --lr auto --code
minimize --opt bta=1 --optimizer adam
minimize --schedule cosine
minimize --json --csv
minimize --bound x=5:6
minimize rosenbork
fit-linear --activation relu6
compare --optimizer sgd,adm
plot "x" --x 2:1
""".strip().splitlines()

OF_RULES = [
    "minimize rosenbrock --optimizer {rule} --steps 40 --json",
    CHAIN + " --optimizer {rule} --steps 3 --walk",
    CHAIN + " --optimizer {rule} --code",
    "minimize himmelblau --optimizer {rule} --steps 200",
]


def commands() -> Iterator[str]:
    """Every command line, without ``gdcli``."""
    yield from COMMANDS
    yield from (text.format(rule=rule) for rule, text in itertools.product(RULES, OF_RULES))
    for schedule, how in itertools.product(SCHEDULES, ("--json --steps 12", "--code --steps 12")):
        yield f"minimize --optimizer manual-momentum --schedule {schedule} {how}"


def printed(text: str) -> str:
    """What a command prints, and its exit code."""
    done = in_process(*shlex.split(text))
    return "\n".join([f"gdcli {text}", f"exit code {done.code}", done.out, "--- standard error", done.err])


def save(path: Path, text: str) -> None:
    """Run a command in a fork of this process, so that none knows of another."""
    child = os.fork()
    if child == 0:
        path.write_text(printed(text))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"gdcli {text} ended with {status}")


def difference(old: str, new: str) -> str:
    """What differs; an equal document whose keys have another order is said to be that."""
    if old == new:
        return ""
    lines = [text.split("\n") for text in (old, new)]
    if [_sorted(line) for line in lines[0]] == [_sorted(line) for line in lines[1]]:
        return "  another order of keys"
    return "\n".join(f"  {line[:300]}" for line in list(difflib.unified_diff(*lines, lineterm="", n=0))[2:])


def _sorted(line: str) -> str:
    try:
        return json.dumps(json.loads(line), sort_keys=True)
    except ValueError:
        return line


def main() -> None:
    """Run all commands, two at a time, and compare."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    printed("minimize --steps 1")  # imports torch once for all
    files = [folder / f"{number:03}.txt" for number in range(len(list(commands())))]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(save, files, commands()))
    for old in sorted(Path(sys.argv[2]).iterdir()) if len(sys.argv) > 2 else ():
        found = difference(old.read_text(), (folder / old.name).read_text())
        if found:
            print(f"{old.name} {old.read_text().partition(chr(10))[0]}\n{found}")


if __name__ == "__main__":
    main()
