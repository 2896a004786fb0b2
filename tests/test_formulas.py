"""The formulas that ``gdcli optimizers`` lists, evaluated as they are printed, against torch.optim."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import pytest
import torch
from conftest import Run, in_process

import gdcli

STEPS = 8  # radam changes its formula at the sixth
VECTOR, MATRIX = [0.5, -1.0, 2.0], [[0.1, 0.2], [0.3, 0.4], [-0.5, 1.0]]
EXPRESSION = "sum(tensor({weights})*cosh(x - 0.3)) + {coupled}*sum(x)**2/2"
LISTED = {entry["name"]: entry for entry in in_process("optimizers", "--json").json()["optimizers"]}

# What a rule by hand is in torch.optim; gdcli's own run stands for it where there is none.
COUNTERPARTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "manual": (torch.optim.SGD, {}),
    "manual-momentum": (torch.optim.SGD, {}),
    "manual-nesterov": (torch.optim.SGD, {"nesterov": True}),
    "manual-adam": (torch.optim.Adam, {}),
    "manual-rmsprop": (torch.optim.RMSprop, {}),
}
_ADAM = [
    {"betas": (0.8, 0.95), "eps": 0.1},
    {"weight_decay": 0.3, "decoupled_weight_decay": True},
    {"weight_decay": 0.3},
    {"maximize": True},
]
CASES: dict[str, list[dict[str, Any]]] = {
    "manual": [{"weight_decay": 0.3}, {"maximize": True}],
    "manual-momentum": [{"momentum": 0.5, "weight_decay": 0.3}, {"maximize": True}],
    "manual-nesterov": [{"momentum": 0.5, "weight_decay": 0.3}, {"maximize": True}],
    "manual-adam": [{"betas": (0.8, 0.95), "eps": 0.1, "weight_decay": 0.3}, {"maximize": True}],
    "manual-rmsprop": [{"alpha": 0.8, "eps": 0.1, "weight_decay": 0.3}, {"maximize": True},
                       {"eps_inside": True, "eps": 0.1}],
    "newton": [{"damping": 0.5}, {"maximize": True}],
    "manual-backtracking": [{"c1": 0.3, "shrink": 0.7}, {"maximize": True, "c1": 0.3}],
    "manual-exact": [{"maximize": True}],
    "sgd": [
        {"momentum": 0.9, "dampening": 0.5},
        {"dampening": 0.5},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.3},
        {"momentum": 0.9, "maximize": True, "weight_decay": 0.3},
    ],
    "adam": [*_ADAM, {"amsgrad": True, "betas": (0.8, 0.5)}],
    "adamw": [_ADAM[0], {"weight_decay": 0.3}, {"maximize": True}, {"amsgrad": True, "betas": (0.8, 0.5)}],
    "amsgrad": [*_ADAM, {"betas": (0.8, 0.5)}],
    "nadam": [*_ADAM, {"momentum_decay": 0.5}],
    "radam": [*_ADAM, {"betas": (0.8, 0.9)}],
    "adamax": [_ADAM[0], *_ADAM[2:]],
    "adagrad": [{"lr_decay": 0.5, "initial_accumulator_value": 2.0, "eps": 0.1, "weight_decay": 0.3},
                {"maximize": True}],
    "adadelta": [{"rho": 0.5, "eps": 0.1, "weight_decay": 0.3}, {"maximize": True}],
    "rmsprop": [{"alpha": 0.8, "eps": 0.1, "weight_decay": 0.3}, {"centered": True}, {"momentum": 0.5},
                {"centered": True, "momentum": 0.5, "maximize": True}],
    "rprop": [{"etas": (0.4, 1.3)}, {"step_sizes": (0.15, 0.25)}, {"maximize": True}],
    "asgd": [{"lambd": 0.5, "alpha": 0.9, "t0": 2.0, "weight_decay": 0.3}, {"maximize": True}],
    "adafactor": [{"beta2_decay": -0.5, "eps": (1.5, 0.7), "weight_decay": 0.3}, {"maximize": True, "d": 1.1}],
    "lbfgs": [{"history_size": 2}],
    "muon": [
        {"weight_decay": 2.0, "momentum": 0.5, "nesterov": False},
        {"ns_coefficients": (2.0, -1.5, 0.5), "ns_steps": 3, "eps": 5.0},
        {"adjust_lr_fn": "match_rms_adamw"},
    ],
}  # fmt: skip
RATES = {"manual": 0.1, "manual-momentum": 0.1, "manual-nesterov": 0.1, "sgd": 0.1, "asgd": 0.1}
RATES |= {"newton": 0.5, "manual-backtracking": 1.0, "manual-exact": 1.0, "lbfgs": 0.5, "adafactor": 0.6}
# How a step ends within itself; the formula is that of one inner step.
INNER = {"lbfgs": {"max_iter": 1, "max_eval": None, "tolerance_grad": 0, "tolerance_change": 0, "line_search_fn": None}}
WHOLE_TENSORS = ("adafactor", "lbfgs", "muon", "newton", "manual-backtracking", "manual-exact")
RUNS = [(name, VECTOR, given) for name, cases in CASES.items() if name != "muon" for given in [{}, *cases]]
RUNS += [("lbfgs", [0.05, 0.15, 0.2], {})]  # where the gradient is small
RUNS += [(name, MATRIX, given) for name in ("adafactor", "muon") for given in [{}, *CASES[name]]]


def loss_of(x: torch.Tensor, name: str, *, maximize: bool) -> torch.Tensor:
    """A convex function; for a rule that treats each element on its own, one in which it can be tried alone."""
    weights = torch.arange(1.0, x.numel() + 1, dtype=x.dtype).reshape(x.shape)
    loss = (weights * torch.cosh(x - 0.3)).sum() + (name in WHOLE_TENSORS) * x.sum() ** 2 / 2
    return -loss if maximize else loss


# --- the formula, read from the list


def value_of(text: str, names: dict[str, Any]) -> Any:
    return eval(text, {"__builtins__": {}, **names})


def extreme(of_tensors: Callable[..., Any], of_numbers: Callable[..., Any]) -> Callable[..., Any]:
    def function(a: Any, b: Any) -> Any:
        if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
            return of_tensors(*(torch.as_tensor(each, dtype=torch.float64) for each in (a, b)))
        return of_numbers(a, b)

    return function


FUNCTIONS: dict[str, Any] = {
    "sqrt": lambda a: a**0.5,
    "sign": lambda a: (a > 0) - (a < 0),
    "abs": abs,
    "max": extreme(torch.maximum, max),
    "min": extreme(torch.minimum, min),
    "sum": torch.sum,
    "mean": torch.mean,
    "outer": torch.outer,
    "norm": torch.linalg.norm,
    "rms": lambda a: (a**2).mean() ** 0.5,
    "solve": torch.linalg.solve,
}
Statement = tuple[str, str, str]


def parts_of(formula: str) -> tuple[list[Statement], str]:
    """The statements (a name, an operator, an expression) and the sentence that begins with "where"."""
    statements, _, where = formula.partition(";  where ")
    found = [re.fullmatch(r"([a-z]) ([-+]?=) (.+)", statement) for statement in statements.split(";  ")]
    return [(m[1], m[2], m[3]) for m in found if m or pytest.fail(formula)], where


def with_sentence(statements: list[Statement], where: str, given: dict[str, Any], x: Any) -> list[Statement]:
    """The statements, changed as the sentence says for these parameters."""
    *others, (name, operator, expression) = statements
    if given.get("amsgrad"):
        assert where == "amsgrad takes the largest v so far for v in the last formula"
        return [*others, ("w", "=", "max(w, v)"), (name, operator, re.sub(r"\bv\b", "w", expression))]
    if given.get("adjust_lr_fn"):
        factor = re.search(r"adjust_lr_fn='match_rms_adamw' has (.*) as the factor of lr", where)
        assert factor
        return [*others, (name, operator, re.sub(r"(?<=lr \* )sqrt\(.*?\)\)", factor[1], expression))]
    factored = re.search(r"u of a matrix has (.*) instead of v, with r and c the means of v over each", where)
    if factored and x.dim() == 2:
        instead = re.sub("r(?=[,)])", "v.mean(1)", factored[1].replace(" c)", " v.mean(0))"))
        return [(n, o, re.sub(r"\bv\b", f"({instead})", e) if n == "u" else e) for n, o, e in statements]
    return statements


Before = Callable[[dict[str, Any], str], None]


def run_formula(name: str, x: Any, gradient: Callable[[Any], Any], given: dict[str, Any]) -> tuple[list[Any], Any]:
    """x after each step, as the formula and the notation have it, and what else is kept."""
    formula = LISTED[name]["formula"]
    statements, where = parts_of(formula)
    statements = with_sentence(statements, where, given, x)
    before = BEFORE[name]() if name in BEFORE else None
    names: dict[str, Any] = {**FUNCTIONS, **dict.fromkeys("mvwupsad", 0.0), **given, "x": x}
    names |= dict(zip(("b1", "b2"), given.get("betas", ()), strict=False))
    trace, decay = [], given.get("weight_decay", 0)
    for t in range(1, STEPS + 1):
        names["t"], names["g"] = t, gradient(names["x"]) * (-1 if given["maximize"] else 1)
        if given.get("decoupled_weight_decay"):
            names["x"] = names["x"] - given["lr"] * decay * names["x"]
        elif "weight_decay" not in formula:
            names["g"] = names["g"] + decay * names["x"]
        if before:
            before(names, where)
        for target, operator, expression in statements:
            value = value_of(expression, names)
            sign = {"=": None, "-=": -1, "+=": 1}[operator]
            names[target] = value if sign is None else names[target] + sign * value
        trace.append(names["x"])
    return trace, names


# --- what the sentences say of a name


def inverse_hessian() -> Before:
    """H of lbfgs, dense: Nocedal and Wright (2006), equation 6.17, from (s @ y) / (y @ y) times the identity."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def before(names: dict[str, Any], where: str) -> None:
        assert where.startswith(
            "H is the inverse Hessian of BFGS from the last history_size changes of x and g, and the identity at t = 1"
        )
        seen.append((names["x"], names["g"]))
        pairs = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(seen)][-names["history_size"] :]
        eye = torch.eye(len(VECTOR), dtype=torch.float64)
        names["H"] = eye
        for k, (s, y) in enumerate(pairs):
            h = names["H"] if k else (pairs[-1][0] @ pairs[-1][1]) / (pairs[-1][1] @ pairs[-1][1]) * eye
            left = eye - torch.outer(s, y) / (y @ s)
            names["H"] = left @ h @ left.T + torch.outer(s, s) / (y @ s)

    return before


def orthogonal_matrix() -> Before:
    """orthogonal(u) of muon."""

    def before(names: dict[str, Any], where: str) -> None:
        found = re.match(
            r"orthogonal\(u\) starts from s = (.*) and takes, ns_steps times and in bfloat16, s = (.*) "
            r"with a, b, c = ns_coefficients",
            where,
        )
        assert found

        def orthogonal(u: torch.Tensor) -> torch.Tensor:
            s = value_of(found[1], {**names, "u": u, "max": max})
            for _ in range(names["ns_steps"]):
                s = value_of(found[2], dict(zip("abc", names["ns_coefficients"], strict=True)) | {"s": s})
            return s

        names |= {"orthogonal": orthogonal, "rows": names["x"].shape[0], "columns": names["x"].shape[1]}

    return before


def first_step_that_decreases() -> Before:
    """s of the backtracking line search, by the condition in its sentence."""

    def before(names: dict[str, Any], where: str) -> None:
        found = re.fullmatch(r"s is the first (.*), k = 0, 1, 2, ..., with (.*)", where)
        assert found
        names["f"] = lambda x: loss_of(x, "manual-backtracking", maximize=False)
        steps = (value_of(found[1], names | {"k": k}) for k in range(200))
        names["s"] = next(s for s in steps if value_of(found[2], names | {"s": s}))

    return before


def lowest_of_the_line() -> Before:
    """s of the exact line search: the zero of the slope of f(x - s * g), by bisection."""

    def before(names: dict[str, Any], where: str) -> None:
        found = re.match(r"s > 0 is a minimum of (f\(.*?\)):", where)
        assert found
        names["f"] = lambda x: loss_of(x, "manual-exact", maximize=False)
        slope = torch.func.grad(lambda s: value_of(found[1], names | {"s": s}))
        low, high = (torch.tensor(end, dtype=torch.float64) for end in (0.0, 4.0))
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if slope(middle) < 0 else (low, middle)
        names["s"] = low

    return before


def second_derivatives() -> Before:
    def before(names: dict[str, Any], where: str) -> None:
        assert where.startswith("H is the Hessian over all variables")
        names["H"] = torch.autograd.functional.hessian(lambda x: loss_of(x, "newton", maximize=False), names["x"])

    return before


BEFORE: dict[str, Callable[[], Before]] = {
    "lbfgs": inverse_hessian,
    "muon": orthogonal_matrix,
    "manual-backtracking": first_step_that_decreases,
    "manual-exact": lowest_of_the_line,
    "newton": second_derivatives,
}


# --- the steps that are right


def by_torch(name: str, start: Any, given: dict[str, Any], lr: float) -> tuple[list[torch.Tensor], dict[str, Any]]:
    make, fixed = COUNTERPARTS.get(name) or (getattr(torch.optim, LISTED[name]["path"].rpartition(".")[2]), {})
    fixed = fixed | ({"amsgrad": True} if name == "amsgrad" else {})
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = make([x], lr=lr, **{key: value for key, value in given.items() if key != "eps_inside"}, **fixed)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(x, name, maximize=given.get("maximize", False))
        loss.backward()
        return loss.detach()

    trace = []
    for _ in range(STEPS):
        with mock.patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone):  # muon's; its rounding hides the formula
            optimizer.step(closure)
        trace.append(x.detach().clone())
    return trace, optimizer.state[x]


def by_gdcli(name: str, start: Any, given: dict[str, Any], lr: float) -> list[torch.Tensor]:
    own = {key: given[key] for key in ("maximize", "weight_decay") if key in given}
    opt = {key: list(v) if isinstance(v, tuple) else v for key, v in given.items() if key not in own}
    text = EXPRESSION.format(weights=[1, 2, 3], coupled=int(name in WHOLE_TENSORS))
    text = f"-({text})" if given.get("maximize") else text
    settings = {"optimizer": name, "lr": lr, "steps": STEPS, "opt": opt, "dtype": "float64", **own}
    states = [*(record := gdcli.minimize(text, {"x": start}, settings=settings).result()).iterations, record.result]
    return [torch.tensor(state.values["x"], dtype=torch.float64) for state in states[1:]]


def by_formula(name: str, start: Any, given: dict[str, Any], lr: float) -> tuple[torch.Tensor, list[Any]]:
    """All x after each step, and for each element (or the whole tensor) what is kept."""
    defaults = {key: tuple(v) if isinstance(v, list) else v for key, v in LISTED[name]["parameters"].items()}
    given = {"maximize": False, "lr": lr, **defaults, **given}
    if name == "adafactor" and given["eps"][0] is None:
        given["eps"] = (torch.finfo(torch.float64).eps, given["eps"][1])
    x = torch.tensor(start, dtype=torch.float64)
    gradient = torch.func.grad(lambda x: loss_of(x, name, maximize=given["maximize"]))
    if name in WHOLE_TENSORS:
        trace, kept = run_formula(name, x, gradient, given)
        return torch.stack(trace), [kept]

    def along(k: int) -> Callable[[float], float]:
        return lambda value: gradient(torch.where(torch.arange(len(x)) == k, value, x))[k].item()

    runs = [run_formula(name, x[k].item(), along(k), given) for k in range(len(x))]
    return torch.tensor([trace for trace, _ in runs], dtype=torch.float64).T, [kept for _, kept in runs]


# --- tests


@pytest.mark.slow
@pytest.mark.parametrize(("name", "start", "given"), RUNS, ids=[f"{name} {given}" for name, _, given in RUNS])
def test_listed_formula_gives_the_steps_of_the_rule(name: str, start: Any, given: dict[str, Any]) -> None:
    given, lr = {**given, **INNER.get(name, {})}, RATES.get(name, 0.2)
    if LISTED[name]["path"] or (name in COUNTERPARTS and not given.get("eps_inside")):
        right, state = by_torch(name, start, {**by_default(name, given), **given}, lr)
    else:
        right, state = by_gdcli(name, start, given, lr), {}
    found, kept = by_formula(name, start, given, lr)
    # nadam and asgd keep numbers in float32; an exact search stops at the root of the precision
    tolerance = {"nadam": 1e-6, "asgd": 1e-6, "manual-exact": 1e-6}.get(name, 1e-9)
    torch.testing.assert_close(found, torch.stack(right), rtol=tolerance, atol=tolerance)
    assert (found[-1] - found[0]).abs().max() > 20 * tolerance  # it moved
    if "ax" in state:
        assert [each["a"] for each in kept] == pytest.approx(state["ax"].tolist(), abs=tolerance)


def by_default(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The defaults of a rule by hand that its counterpart has otherwise."""
    return {"momentum": 0.9} if name in ("manual-momentum", "manual-nesterov") and "momentum" not in given else {}


@pytest.mark.parametrize("name", LISTED)
def test_every_parameter_of_a_rule_is_tried_in_its_formula(name: str) -> None:
    tried = {parameter for given in CASES[name] for parameter in given}
    assert tried | INNER.get(name, {}).keys() == LISTED[name]["parameters"].keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTED)
def test_formula_in_the_tables_is_that_of_the_record(run: Run, name: str) -> None:
    statements: Sequence[str] = LISTED[name]["formula"].split(";  ")
    for table in (run("optimizers").out, run("optimizers", name).out):
        rows = " ".join(table.split())
        assert " ".join(statements) in rows, rows


def test_notation_explains_every_name_in_the_formulas(run: Run) -> None:
    document = run("optimizers", "--json").json()
    assert list(document["notation"]) == ["x", "g", "t", "b1, b2", "f", "other names", "decoupled_weight_decay"]
    for symbol, meaning in document["notation"].items():
        assert f"{symbol} {meaning}" in " ".join(run("optimizers").out.split())
    assert "b1, b2" not in run("optimizers", "manual").out
