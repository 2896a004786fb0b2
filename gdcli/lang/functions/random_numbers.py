"""Random numbers, drawn from the seed of the run."""

from __future__ import annotations

from gdcli.lang.functions.rows import DTYPE, draw

CATEGORY = "random numbers"

FUNCTIONS = (
    draw(
        "rand",
        f"size: sizes, {DTYPE}",
        "uniform random numbers in [0, 1), from --seed",
        "rand(2, 3)",
        facts=("default dtype", "requires_grad"),
    ),
    draw(
        "randn",
        f"size: sizes, {DTYPE}",
        "normal random numbers with mean 0 and variance 1",
        "randn(2, 3)",
        facts=("default dtype", "requires_grad"),
    ),
    draw(
        "randint",
        f"low: int = 0, high: ints = None, size: ints = None, {DTYPE}",
        "random integers from low up to but not including high",
        "randint(0, 10, (5,))",
        facts=("whole numbers", "requires_grad"),
    ),
    draw(
        "randperm",
        f"n: int, {DTYPE}",
        "random permutation of 0 to n - 1",
        "randperm(5)",
        facts=("whole numbers", "requires_grad"),
    ),
    draw(
        "normal",
        f"mean: number, std: number, size: ints, {DTYPE}",
        "normal random numbers with this mean and deviation",
        "normal(10, 0.5, (3,))",
        facts=("default dtype", "requires_grad"),
    ),
    draw("rand_like", "input", "uniform random numbers with the shape of input", "rand_like([1, 2])"),
    draw("randn_like", "input", "normal random numbers with the shape of input", "randn_like([1, 2])"),
    draw("bernoulli", "input", "1 with this probability, else 0", "bernoulli([0.1, 0.9])", method=True, facts=()),
    draw("poisson", "input", "Poisson random counts with these rates", "poisson([1, 10])", facts=()),
)
