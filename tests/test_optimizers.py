"""Every optimizer and schedule against torch.optim itself, bit for bit, and the rules by hand against it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

import gdcli
from gdcli.rules.catalogue import RULES, SCHEDULES

VECTOR = "sum((x**2 - [1, 2, 3])**2)"
START = [0.5, -1.0, 2.0]
MATRIX = "sum((W @ [1, 2] - [3, 4])**2)"
TORCH_OPTIM = {name: row for name, row in RULES.items() if row.path}
MUON_SAYS = "whereas we found a parameter with size: torch.Size([])"
OPTIONS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.9, "dampening": 0.1},
    "adam": {"betas": [0.8, 0.95]},
    "adamw": {"weight_decay": 0.1},
    "rmsprop": {"centered": True},
    "rprop": {"etas": [0.4, 1.3]},
    "lbfgs": {"line_search_fn": "strong_wolfe", "max_iter": 5},
    "adafactor": {"d": 2.0},
}


def loss_of(x: torch.Tensor, name: str) -> torch.Tensor:
    if name == "muon":
        return torch.sum((x @ torch.tensor([1.0, 2.0]) - torch.tensor([3.0, 4.0])) ** 2)
    return torch.sum((x**2 - torch.tensor([1.0, 2.0, 3.0])) ** 2)


def by_hand(name: str, steps: int, lr: float, **options: Any) -> list[tuple[float, Any]]:
    """The loop of a script: loss and x before each step."""
    x = torch.tensor([[0.1, 0.2], [0.3, 0.4]] if name == "muon" else START, requires_grad=True)
    make = getattr(torch.optim, RULES[name].path.rpartition(".")[2])
    listed = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    optimizer = make([x], lr=lr, **listed, **RULES[name].fixed)
    trace = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(x, name)
        loss.backward()
        return loss.detach()

    for _ in range(steps):
        trace.append((closure().item(), x.tolist()))
        optimizer.step(closure) if name == "lbfgs" else optimizer.step()
    return trace


def by_gdcli(name: str, steps: int, lr: float | None, **options: Any) -> list[tuple[float, Any]]:
    own = {key: options.pop(key) for key in ("momentum", "dampening", "weight_decay") if key in options}
    values = {"W": [[0.1, 0.2], [0.3, 0.4]]} if name == "muon" else {"x": START}
    expression = MATRIX if name == "muon" else VECTOR
    settings = {"optimizer": name, "steps": steps, "lr": lr, "opt": options, "diagnose": False, **own}
    return [
        (s.loss, next(iter(s.values.values())))
        for s in gdcli.minimize(expression, values, settings=settings).result().iterations
    ]


def test_every_dense_optimizer_of_torch_is_there() -> None:
    classes = {
        name
        for name, each in vars(torch.optim).items()
        if inspect.isclass(each) and issubclass(each, torch.optim.Optimizer) and each is not torch.optim.Optimizer
    }
    assert {row.path.rpartition(".")[2] for row in TORCH_OPTIM.values()} == classes - {"SparseAdam"}


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCH_OPTIM)
def test_optimizer_gives_the_bits_of_torch_optim(name: str) -> None:
    assert by_gdcli(name, 20, 0.01) == by_hand(name, 20, 0.01)
    assert by_gdcli(name, 20, 0.01, **OPTIONS.get(name, {})) == by_hand(name, 20, 0.01, **OPTIONS.get(name, {}))


@pytest.mark.parametrize("name", [name for name in TORCH_OPTIM if name != "sgd"])
def test_default_learning_rate_is_that_of_torch(name: str) -> None:
    make = getattr(torch.optim, RULES[name].path.rpartition(".")[2])
    assert inspect.signature(make).parameters["lr"].default == RULES[name].lr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "torch_name", "options"),
    [
        ("manual-momentum", "sgd", {"momentum": 0.9}),
        ("manual-nesterov", "sgd", {"momentum": 0.9, "nesterov": True}),
        ("manual-adam", "adam", {}),
        ("manual", "sgd", {"weight_decay": 0.1}),
    ],
)
def test_rules_by_hand_agree_with_torch_optim(rule: str, torch_name: str, options: dict[str, Any]) -> None:
    mine = {key: value for key, value in options.items() if key != "nesterov"}
    hand = gdcli.minimize(VECTOR, x=START, optimizer=rule, lr=0.01, steps=50, dtype="float64", **mine).result()
    torch_ = gdcli.minimize(
        VECTOR, x=START, optimizer=torch_name, lr=0.01, steps=50, dtype="float64", **options
    ).result()
    assert hand.result.values["x"] == pytest.approx(torch_.result.values["x"], rel=1e-12)


def test_settings_spell_out_every_parameter() -> None:
    settings = gdcli.minimize(optimizer="adam", steps=0).result().settings
    assert settings.opt == {"betas": [0.9, 0.999], "eps": 1e-08, "amsgrad": False, "decoupled_weight_decay": False}
    assert (settings.lr, settings.weight_decay, settings.momentum) == (0.001, 0.0, None)
    assert gdcli.minimize(optimizer="sgd", steps=0).result().settings.momentum == 0.0


@pytest.mark.slow
def test_lbfgs_counts_its_evaluations() -> None:
    record = gdcli.minimize("(1 - x)**2 + 100*(y - x**2)**2", x=-1.2, y=1.0, optimizer="lbfgs", steps=5).result()
    assert record.evaluations > 20
    assert gdcli.minimize(steps=5).result().evaluations == 6


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"optimizer": "adam", "opt": {"beta": 0.9}}, "adam has no parameter 'beta' in --opt", "did you mean 'betas'?"),
        (
            {"optimizer": "adam", "opt": {"betas": 0.9}},
            "'betas' of adam must be 2 numbers, not '0.9'",
            "for example: --opt betas=0.9,0.999",
        ),
        (
            {"optimizer": "adam", "opt": {"eps": "x"}},
            "'eps' of adam must be a number, not 'x'",
            "for example: --opt eps=1e-08",
        ),
        (
            {"optimizer": "rmsprop", "opt": {"momentum": 0.9}},
            "rmsprop has no parameter 'momentum' in --opt",
            "use the option --momentum",
        ),
        (
            {"optimizer": "muon"},
            f"torch.optim.Muon rejects these arguments: Muon only supports 2D parameters {MUON_SAYS}",
            "it moves matrices alone; gdcli optimizers lists the others",
        ),
        (
            {"optimizer": "adam", "update": "rebind"},
            "adam always updates in place, so there is nothing to rebind",
            "leave out --update or use --optimizer manual",
        ),
        ({"schedule": "cosine"}, "the schedule cosine needs T_max", "for example: --sched T_max=100"),
        (
            {"schedule": "cosine", "sched": {"t_max": 5}},
            "the schedule cosine has no parameter 't_max'",
            "did you mean 'T_max'?",
        ),
        (
            {"schedule": "cosine", "sched": {"T_max": 0.5}},
            "'T_max' of the schedule cosine must be an integer of at least 1, not '0.5'",
            "for example: --sched T_max=100",
        ),
        (
            {"bound": {"x": [2, -2]}},
            "the lower bound of x, 2, is above the upper bound, -2",
            "for example: --bound x=-2:2",
        ),
        ({"bound": {"y": [0, 1]}}, "there is no variable 'y' to bound", "the variables are x"),
        (
            {"bound": {"x": [0, 1]}},
            "the start of x lies outside its bounds, 0:1",
            "choose a start within the bounds, or wider bounds: --bound x=0:4",
        ),
        (
            {"lr_factor": {"1.5": 2}},
            "lr_factor needs an iteration, a non-negative integer, not '1.5'",
            "for example: --lr-factor 50=0.5",
        ),
        (
            {"lr_factor": {"-1": 2}},
            "lr_factor needs an iteration, a non-negative integer, not '-1'",
            "for example: --lr-factor 50=0.5",
        ),
        (
            {"lr_factor": {"3": float("inf")}},
            "the factor from iteration 3 on is not finite",
            "for example: --lr-factor 50=0.5",
        ),
        (
            {"lr_factor": {"3": -1}},
            "lr_factor must be factors of at least 0, each with its iteration, not '{\"3\":-1}'",
            'for example: {"50": 0.5}',
        ),
        ({"lrs": {"y": 0.1}}, "--lr.y is for 'y', which is not a variable to optimize", "the variables are x"),
    ],
)
def test_wrong_parameters_are_one_clear_error(options: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(gdcli.GdcliError) as error:
        list(gdcli.minimize(settings=options))
    assert (error.value.message, error.value.hint) == (message, hint)


SCHEDULE_OPTIONS: dict[str, dict[str, Any]] = {
    "constant": {"factor": 0.5, "total_iters": 3},
    "linear": {"total_iters": 5},
    "exponential": {"gamma": 0.9},
    "polynomial": {"total_iters": 8, "power": 2.0},
    "step": {"step_size": 4, "gamma": 0.5},
    "multistep": {"milestones": [2, 6]},
    "cosine": {"T_max": 10},
    "cosine-restarts": {"T_0": 4},
    "cyclic": {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3},
    "one-cycle": {"max_lr": 0.1, "total_steps": 20},
    "plateau": {"patience": 1, "factor": 0.5},
    "lambda": {"lr_lambda": "0.95**epoch"},
    "multiplicative": {"lr_lambda": "0.9"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_gives_the_rates_of_torch(name: str) -> None:
    options = dict(SCHEDULE_OPTIONS[name])
    x = torch.tensor(4.0, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.05)
    given = dict(options)
    if "lr_lambda" in given:
        given["lr_lambda"] = {"lambda": lambda epoch: 0.95**epoch, "multiplicative": lambda _: 0.9}[name]
    if name in ("cyclic", "one-cycle"):
        given["cycle_momentum"] = False
    scheduler = getattr(torch.optim.lr_scheduler, SCHEDULES[name].class_name)(optimizer, **given)
    expected = []
    for _ in range(12):
        loss = (x - 1.5) ** 2
        optimizer.zero_grad()
        loss.backward()
        expected.append((optimizer.param_groups[0]["lr"], x.item(), loss.item()))
        optimizer.step()
        scheduler.step(*([loss.item()] if name == "plateau" else []))
    steps = gdcli.minimize(optimizer="sgd", lr=0.05, steps=12, schedule=name, sched=options).result().iterations
    assert [(s.lr, s.values["x"], s.loss) for s in steps] == [pytest.approx(row, rel=1e-12) for row in expected]


def test_a_schedule_drives_a_rule_by_hand() -> None:
    steps = gdcli.minimize(steps=4, schedule="step", sched={"step_size": 2, "gamma": 0.1}).result().iterations
    assert [s.lr for s in steps] == pytest.approx([0.1, 0.1, 0.01, 0.01])
    assert steps[3].values["x"] == pytest.approx(steps[2].values["x"] - 0.01 * steps[2].grads["x"])


def test_variables_have_their_own_rates() -> None:
    for optimizer in ("manual", "sgd"):
        steps = (
            gdcli.minimize("x**2 + y**2", x=1.0, y=1.0, lrs={"y": 0.5}, steps=2, optimizer=optimizer)
            .result()
            .iterations
        )
        assert steps[0].lr == {"x": 0.1, "y": 0.5}
        assert steps[1].values == pytest.approx({"x": 0.8, "y": 0.0})


FACTORS = {0: 2.0, 3: 0.25, 9: 0.0, 11: 1.0}


def factor_at(iteration: int) -> float:
    return next(FACTORS[first] for first in sorted(FACTORS, reverse=True) if first <= iteration)


@pytest.mark.slow
@pytest.mark.parametrize(("rates", "momentum"), [({"x": 0.01, "y": 0.01}, 0.0), ({"x": 0.01, "y": 0.03}, 0.9)])
@pytest.mark.parametrize("hand", [True, False])
def test_a_factor_scales_the_rates_from_its_iteration_on(rates: dict[str, float], momentum: float, hand: bool) -> None:
    x, y = torch.tensor(2.0, requires_grad=True), torch.tensor(-1.0, requires_grad=True)
    velocity = [torch.zeros(()), torch.zeros(())]
    expected = []
    for iteration in range(15):
        loss = (x - 1) ** 2 + 3 * (y + x) ** 2
        loss.backward()
        expected.append((x.item(), y.item(), loss.item()))
        with torch.no_grad():
            for i, (name, tensor) in enumerate({"x": x, "y": y}.items()):
                velocity[i] = momentum * velocity[i] + tensor.grad
                tensor -= (rates[name] * factor_at(iteration)) * velocity[i]
                tensor.grad.zero_()
    rule = {"optimizer": "manual-momentum" if momentum else "manual"} if hand else {"optimizer": "sgd"}
    if momentum:
        rule["momentum"] = momentum
    settings = {**rule, "lr": rates["x"], "lrs": {"y": rates["y"]}, "steps": 15, "lr_factor": FACTORS}
    steps = gdcli.minimize("(x - 1)**2 + 3*(y + x)**2", x=2.0, y=-1.0, settings=settings).result().iterations
    shown = [(s.values["x"], s.values["y"], s.loss) for s in steps]
    assert shown == expected if hand else shown == [pytest.approx(row, rel=1e-5) for row in expected]
    assert [s.lr["y"] if isinstance(s.lr, dict) else s.lr for s in steps] == [
        rates["y"] * factor_at(s.iteration) for s in steps
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exponential", "cosine", "cyclic", "plateau", "multiplicative", "one-cycle"])
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_schedule_does_not_see_the_factor(name: str, rule: str) -> None:
    plain = [
        s.lr for s in gdcli.minimize(lr=0.05, steps=15, schedule=name, sched=SCHEDULE_OPTIONS[name]).result().iterations
    ]
    x = torch.tensor(4.0, requires_grad=True)
    optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[rule]([x], lr=1.0)
    given = {"optimizer": rule, "lr": 0.05, "steps": 15, "schedule": name, "sched": SCHEDULE_OPTIONS[name]}
    steps = gdcli.minimize(settings={**given, "lr_factor": FACTORS}).result().iterations
    assert len(steps) == 15
    for step in steps:
        optimizer.zero_grad()
        loss = (x - 1.5) ** 2
        loss.backward()
        assert (step.values["x"], step.loss) == (x.item(), loss.item())
        if name != "plateau":  # which goes by the loss
            assert step.lr == plain[step.iteration] * factor_at(step.iteration)
        optimizer.param_groups[0]["lr"] = step.lr
        optimizer.step()


def test_a_factor_scales_the_rate_of_the_curvature() -> None:
    plain = next(iter(gdcli.minimize(lr="auto"))).lr
    assert next(iter(gdcli.minimize(lr="auto", lr_factor={"0": 0.5}))).lr == 0.5 * plain


def test_a_run_whose_rate_changes_can_come_back_to_a_place() -> None:
    # At x = 0.5 the rate of 1 jumps from side to side: a cycle, unless the rate is about to change.
    settings = {"lr": 1.0, "tol_grad": [1e-9], "steps": 30}
    assert gdcli.minimize("x**2", x=0.5, settings=settings).result().status == "cycling"
    changed = gdcli.minimize("x**2", x=0.5, settings={**settings, "lr_factor": {20: 0.5}}).result()
    assert (changed.status, changed.result.iteration) == ("converged_grad", 21)


def test_clipping_is_recorded_where_it_acts() -> None:
    steps = gdcli.minimize(clip_norm=1.0, steps=40).result().iterations
    assert steps[0].grads == {"x": 5.0}
    assert [(a.kind, a.before, a.after) for a in steps[0].acts] == [("clip-norm", 5.0, 1.0)]
    assert steps[1].values["x"] == pytest.approx(3.9, abs=1e-5)
    assert steps[39].acts is None


def test_clipping_of_elements() -> None:
    steps = gdcli.minimize("sum(x**2)", x=[3.0, 0.1], clip_value=0.5, steps=2).result().iterations
    assert [(a.kind, a.before, a.after) for a in steps[0].acts] == [("clip-value", 6.0, 0.5)]
    assert steps[1].values["x"] == pytest.approx([2.95, 0.08])


def test_bounds_project_and_are_recorded() -> None:
    record = gdcli.minimize("(x - 5)**2", x=0.0, bound={"x": [-2, 2]}, lr=0.3, steps=4).result()
    assert record.result.values["x"] == 2.0
    acts = [step.acts for step in record.iterations]
    assert acts[0] is None
    assert [(a.kind, a.variable, a.before) for a in acts[1]] == [("bound", "x", pytest.approx(1.0))]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["manual", "sgd", "adam", "manual-adam"])
def test_maximize_goes_up(optimizer: str) -> None:
    record = gdcli.minimize("-(x - 1)**2", x=0.0, maximize=True, optimizer=optimizer, lr=0.1, steps=200).result()
    assert record.result.values["x"] == pytest.approx(1.0, abs=1e-2)
    assert record.best.loss == max(step.loss for step in [*record.iterations, record.result])


def test_rate_from_curvature_is_one_over_the_largest() -> None:
    steps = gdcli.minimize("x**2 + 4*y**2", x=1.0, y=1.0, lr="auto", steps=1).result().iterations
    assert steps[0].lr == pytest.approx(1 / 8)
    with pytest.raises(gdcli.GdcliError, match="cannot choose a learning rate from the curvature"):
        list(gdcli.minimize("3*x", x=1.0, lr="auto"))


# Parameters of torch.optim that choose an implementation, not a rule.
IMPLEMENTATION = ("self", "params", "lr", "foreach", "capturable", "differentiable", "fused")
LATER = {"lbfgs": ("maximize",)}  # not in each version of PyTorch; --maximize does without it


@pytest.mark.parametrize("name", TORCH_OPTIM)
def test_parameters_are_those_of_the_signature(name: str) -> None:
    row = RULES[name]
    signature = inspect.signature(getattr(torch.optim, row.path.rpartition(".")[2]).__init__)
    left_out = (*IMPLEMENTATION, *row.fixed, *LATER.get(name, ()))
    theirs = {p.name: p.default for p in signature.parameters.values() if p.name not in left_out}
    assert list(row.parameters.items()) == list(theirs.items())
