"""The elementwise update rules as functions of tensors, whose parameters may differ from run to run.

A function takes points x and gradients g of shape (elements, runs), the state that it returned the last time, the
parameters of the runs and the number t of the step, from 1; it returns the new points and the new state.

The bits are those of the single runs. The rules by hand are their formulas. Those of torch.optim follow its
implementations (``_single_tensor_*``) operation by operation:

- What is computed there with Python's floats is computed here in float64, and rounded where a float meets a tensor.
- ``x.add_(g, alpha=a)`` is a kernel that rounds once, and so is ``torch.addcmul``; ``x + a * g`` rounds twice.
- With ``value=a``, ``addcmul_`` and ``addcdiv_`` compute ``(a * g) * h`` and ``(a * g) / h``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import addcdiv, addcmul

from gdcli.batch.parameters import Parameters

State = Mapping[str, torch.Tensor]
Update = Callable[[torch.Tensor, torch.Tensor, State, Parameters, int], tuple[torch.Tensor, State]]

_SCALARS = torch.float32
"""The dtype in which torch.optim keeps numbers of its state that are no elements of a variable."""


# By hand


def manual(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:  # noqa: ARG001
    """The notebook's own loop."""
    return x - p.rounded(p["lr"]) * _plus_decay(x, g, p), state


def heavy_ball(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """Polyak's momentum."""
    g = _plus_decay(x, g, p)
    v = p.rounded(p["momentum"]) * (state["v"] if t > 1 else torch.zeros_like(x)) + g
    return x - p.rounded(p["lr"]) * v, {"v": v}


def nesterov(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """Nesterov's momentum."""
    g = _plus_decay(x, g, p)
    momentum = p.rounded(p["momentum"])
    v = momentum * (state["v"] if t > 1 else torch.zeros_like(x)) + g
    return x - p.rounded(p["lr"]) * (g + momentum * v), {"v": v}


def manual_adam(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """Kingma and Ba's algorithm 1."""
    g = _plus_decay(x, g, p)
    b1, b2 = p["beta1"], p["beta2"]
    m, v = _zeros(state, x, "m", "v")
    m = p.rounded(b1) * m + p.rounded(1 - b1) * g
    v = p.rounded(b2) * v + p.rounded(1 - b2) * g**2
    unbiased_m, unbiased_v = p.of_each(t, lambda t, b1, b2: (1 - b1**t, 1 - b2**t), "beta1", "beta2")
    size = torch.sqrt(v / p.rounded(unbiased_v)) + p.rounded(p["eps"])
    return x - p.rounded(p["lr"]) * (m / p.rounded(unbiased_m)) / size, {"m": m, "v": v}


def manual_rmsprop(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:  # noqa: ARG001
    """Tieleman and Hinton's RMSprop."""
    g = _plus_decay(x, g, p)
    (v,) = _zeros(state, x, "v")
    v = p.rounded(p["alpha"]) * v + p.rounded(1 - p["alpha"]) * g**2
    eps = p.rounded(p["eps"])
    root = torch.sqrt(v + eps) if p.plain("eps_inside") else torch.sqrt(v) + eps
    return x - p.rounded(p["lr"]) * g / root, {"v": v}


def _plus_decay(x: torch.Tensor, g: torch.Tensor, p: Parameters) -> torch.Tensor:
    """The gradient with weight decay, as the rules by hand add it."""
    return g if p.is_zero("weight_decay") else _where(p, "weight_decay", g + p.rounded(p["weight_decay"]) * x, g)


# torch.optim


def sgd(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """torch.optim.SGD."""
    g = _with_decay(x, g, p)
    if not p.is_zero("momentum"):
        momentum = p.rounded(p["momentum"])
        v = g.clone() if t == 1 else addcmul(state["v"] * momentum, g, p.rounded(1 - p["dampening"]))
        state = {"v": v}
        g = _where(p, "momentum", addcmul(g, v, momentum) if p.plain("nesterov") else v, g)
    return addcmul(x, g, p.rounded(-p["lr"])), state


def adam(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """torch.optim.Adam; with ``amsgrad``, by the largest second moment so far."""
    x, g = _decayed(x, g, p)
    return _adam(x, g, state, p, t)


def adamw(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """torch.optim.AdamW: weight decay apart from the gradient."""
    return _adam(_shrunk(x, p), g, state, p, t)


def _adam(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    m, v = _moments(x, g, state, p)
    (largest,) = _zeros(state, x, "largest")
    largest = torch.maximum(largest, v) if p.plain("amsgrad") else v
    unbiased, root = p.of_each(t, lambda t, b1, b2: (1 - b1**t, (1 - b2**t) ** 0.5), "beta1", "beta2")
    size = largest.sqrt() / p.rounded(root) + p.rounded(p["eps"])
    state = {"m": m, "v": v, "largest": largest} if p.plain("amsgrad") else {"m": m, "v": v}
    return addcdiv(x, p.rounded(-(p["lr"] / unbiased)) * m, size), state


def nadam(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """torch.optim.NAdam."""
    x, g = _decayed(x, g, p)
    m, v = _moments(x, g, state, p)
    mu, next_mu = p.of_each(
        t,
        lambda t, b1, decay: tuple(b1 * (1.0 - 0.5 * (0.96 ** (step * decay))) for step in (t, t + 1)),
        "beta1",
        "momentum_decay",
    )
    (unbiased,) = p.of_each(t, lambda t, b2: (1 - b2**t,), "beta2")
    product = mu.to(_SCALARS) if t == 1 else state["product"] * mu.to(_SCALARS)
    size = (v / p.rounded(unbiased)).sqrt() + p.rounded(p["eps"])
    ahead = -p["lr"] * (1.0 - mu) / (1.0 - product.double())
    x = addcdiv(x, p.rounded(ahead) * g, size)
    behind = -p["lr"] * next_mu / (1.0 - product.double() * next_mu)
    return addcdiv(x, p.rounded(behind) * m, size), {"m": m, "v": v, "product": product}


def radam(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """torch.optim.RAdam."""
    x, g = _decayed(x, g, p)
    m, v = _moments(x, g, state, p)
    (unbiased,) = p.of_each(t, lambda t, b1: (1 - b1**t,), "beta1")
    root, rectification = p.of_each(t, lambda t, b2: _rectification(b2, t), "beta2")
    step = m / p.rounded(unbiased) * p.rounded(p["lr"])
    size = v.sqrt() + p.rounded(p["eps"])
    rectified = step * (size.reciprocal() * p.rounded(root)) * p.rounded(rectification)
    return x - torch.where(rectification > 0, rectified, step), {"m": m, "v": v}


def _rectification(b2: float, t: int) -> tuple[float, float]:
    """The root of the second moment's bias, and the factor of the variance: 0 while it is not yet known."""
    longest = 2 / (1 - b2) - 1
    unbiased = 1 - b2**t
    length = longest - 2 * t * (b2**t) / unbiased
    if length <= 5.0:
        return unbiased**0.5, 0.0
    variance = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return unbiased**0.5, variance**0.5


def adamax(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """torch.optim.Adamax."""
    g = _with_decay(x, g, p)
    m, u = _zeros(state, x, "m", "u")
    m = torch.lerp(m, g, p.rounded(1 - p["beta1"]))
    u = torch.maximum(u * p.rounded(p["beta2"]), g.abs() + p.rounded(p["eps"]))
    (unbiased,) = p.of_each(t, lambda t, b1: (1 - b1**t,), "beta1")
    return addcdiv(x, p.rounded(-(p["lr"] / unbiased)) * m, u), {"m": m, "u": u}


def adagrad(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """torch.optim.Adagrad."""
    g = _with_decay(x, g, p)
    total = state["total"] if t > 1 else p.rounded(p["initial_accumulator_value"]).expand_as(x)
    total = addcmul(total, g, g)
    (shrinks,) = p.of_each(t, lambda t, decay: (1 + (t - 1) * decay,), "lr_decay")
    return addcdiv(x, p.rounded(-(p["lr"] / shrinks)) * g, total.sqrt() + p.rounded(p["eps"])), {"total": total}


def adadelta(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:  # noqa: ARG001
    """torch.optim.Adadelta."""
    g = _with_decay(x, g, p)
    rho, rest, eps = (p.rounded(number) for number in (p["rho"], 1 - p["rho"], p["eps"]))
    squares, moves = _zeros(state, x, "squares", "moves")
    squares = addcmul(squares * rho, rest * g, g)
    move = (moves + eps).sqrt() / (squares + eps).sqrt() * g
    moves = addcmul(moves * rho, rest * move, move)
    return addcmul(x, move, p.rounded(-p["lr"])), {"squares": squares, "moves": moves}


def rmsprop(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:  # noqa: ARG001
    """torch.optim.RMSprop."""
    g = _with_decay(x, g, p)
    rest = p.rounded(1 - p["alpha"])
    squares, mean, v = _zeros(state, x, "squares", "mean", "v")
    squares = addcmul(squares * p.rounded(p["alpha"]), rest * g, g)
    variance = squares
    if p.plain("centered"):
        mean = torch.lerp(mean, g, rest)
        variance = addcmul(squares, mean, mean, value=-1)
    size = variance.sqrt() + p.rounded(p["eps"])
    lr = p.rounded(-p["lr"])
    moved = addcdiv(x, lr * g, size)
    if not p.is_zero("momentum"):
        v = addcdiv(v * p.rounded(p["momentum"]), g, size)
        moved = _where(p, "momentum", addcmul(x, v, lr), moved)
    return moved, {"squares": squares, "mean": mean, "v": v}


def rprop(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """torch.optim.Rprop."""
    sizes = state["sizes"] if t > 1 else p.rounded(p["lr"]).expand_as(x)
    turn = (g * state["g"]).sign() if t > 1 else torch.zeros_like(x)
    factor = torch.where(turn > 0, p.rounded(p["etaplus"]), torch.where(turn < 0, p.rounded(p["etaminus"]), 1.0))
    sizes = (sizes * factor).clamp(p.rounded(p["step_size_min"]), p.rounded(p["step_size_max"]))
    g = torch.where(turn < 0, 0.0, g)
    return addcmul(x, g.sign(), sizes, value=-1), {"sizes": sizes, "g": g}


def asgd(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters, t: int) -> tuple[torch.Tensor, State]:
    """torch.optim.ASGD; the mean of the points, which moves nothing, is left out."""
    g = _with_decay(x, g, p)
    rate = state["rate"].double() if t > 1 else p["lr"].to(_SCALARS).double()
    x = addcmul(x * p.rounded(1 - p["lambd"] * rate), g, p.rounded(-rate))
    (rate,) = p.of_each(t, lambda t, lr, lambd, alpha: (lr / ((1 + lambd * lr * t) ** alpha),), "lr", "lambd", "alpha")
    return x, {"rate": rate.to(_SCALARS)}


def _moments(x: torch.Tensor, g: torch.Tensor, state: State, p: Parameters) -> tuple[torch.Tensor, torch.Tensor]:
    """The running means of the gradient and of its square, in the family of Adam."""
    m, v = _zeros(state, x, "m", "v")
    b1, b2 = p["beta1"], p["beta2"]
    m = torch.lerp(m, g, p.rounded(1 - b1))
    return m, addcmul(v * p.rounded(b2), p.rounded(1 - b2) * g, g)


def _with_decay(x: torch.Tensor, g: torch.Tensor, p: Parameters) -> torch.Tensor:
    """The gradient with weight decay, as torch.optim adds it."""
    if p.is_zero("weight_decay"):
        return g
    return _where(p, "weight_decay", addcmul(g, x, p.rounded(p["weight_decay"])), g)


def _shrunk(x: torch.Tensor, p: Parameters) -> torch.Tensor:
    """The points after a decay apart from the gradient."""
    return x if p.is_zero("weight_decay") else x * p.rounded(1 - p["lr"] * p["weight_decay"])


def _decayed(x: torch.Tensor, g: torch.Tensor, p: Parameters) -> tuple[torch.Tensor, torch.Tensor]:
    """Points and gradients after weight decay of the kind that is set."""
    return (_shrunk(x, p), g) if p.plain("decoupled_weight_decay") else (x, _with_decay(x, g, p))


def _where(p: Parameters, name: str, nonzero: torch.Tensor, zero: torch.Tensor) -> torch.Tensor:
    """One tensor for the runs where a parameter is not zero, the other where it is: PyTorch leaves out what is 0."""
    return nonzero if p.is_nonzero(name) else torch.where(p[name] != 0, nonzero, zero)


def _zeros(state: State, x: torch.Tensor, *names: str) -> list[torch.Tensor]:
    """Parts of the state, which begin as zeros."""
    return [state[name] if name in state else torch.zeros_like(x) for name in names]


ELEMENTWISE: Mapping[str, Update] = MappingProxyType(
    {
        "manual": manual,
        "manual-momentum": heavy_ball,
        "manual-nesterov": nesterov,
        "manual-adam": manual_adam,
        "manual-rmsprop": manual_rmsprop,
        "sgd": sgd,
        "adam": adam,
        "adamw": adamw,
        "amsgrad": adam,
        "nadam": nadam,
        "radam": radam,
        "adamax": adamax,
        "adagrad": adagrad,
        "adadelta": adadelta,
        "rmsprop": rmsprop,
        "rprop": rprop,
        "asgd": asgd,
    }
)
