"""The rules of torch.optim, each dense one of them.

Names and defaults of their parameters stand here so that they are known without torch; a test compares them with
PyTorch's signatures. What chooses an implementation and no rule (foreach, fused, ...) is left out.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

from gdcli.rules.equations import (
    Explained,
    Terms,
    adam_equations,
    adam_step,
    against,
    momentum_step,
    rmsprop_step,
)
from gdcli.rules.row import RuleRow

_ADAM: dict[str, Any] = {"betas": (0.9, 0.999), "eps": 1e-8}
_MOMENTS = "m = b1 * m + (1 - b1) * g;  v = b2 * v + (1 - b2) * g**2"
_ADAM_STEP = "x -= lr * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps)"
_AMSGRAD = "where amsgrad takes the largest v so far for v in the last formula"
_DECAY, _UP, _DECOUPLED = {"weight_decay": 0}, {"maximize": False}, {"decoupled_weight_decay": False}


def _adamw_step(terms: Terms) -> Explained:
    """Loshchilov and Hutter (2019): the weight decay acts on the variable itself."""
    decayed = "before * (1 - lr * weight_decay)" if terms.get("weight_decay") else "before"
    return adam_equations(terms, against(terms, decays=False), decayed)


def _adagrad_step(terms: Terms) -> Explained:
    """Duchi, Hazan and Singer (2011)."""
    g = against(terms)
    lr = "lr / (1 + (t - 1) * lr_decay)" if terms.get("lr_decay") else "lr"
    return Explained([("sum", f"sum_before + {g}**2"), ("after", f"before - {lr} * {g} / (sqrt(sum) + eps)")])


ROWS = (
    RuleRow(
        name="sgd",
        made_by="torch.optim.SGD",
        parameters=MappingProxyType({"momentum": 0, "dampening": 0, **_DECAY, "nesterov": False, **_UP}),
        lr=0.1,
        formula="v = g if t == 1 or momentum == 0 else momentum * v + (1 - dampening) * g;  "
        "x -= lr * (g + momentum * v if nesterov else v)",
        source="Robbins and Monro (1951), A stochastic approximation method; Sutskever et al. (2013)",
        equations=momentum_step,
        remembers=False,
        linear="heavy ball",
    ),
    RuleRow(
        name="adam",
        made_by="torch.optim.Adam",
        parameters=MappingProxyType({**_ADAM, **_DECAY, "amsgrad": False, **_UP, **_DECOUPLED}),
        lr=0.001,
        formula=f"{_MOMENTS};  {_ADAM_STEP};  {_AMSGRAD}",
        source="Kingma and Ba (2015), Adam: a method for stochastic optimization",
        equations=adam_step,
    ),
    RuleRow(
        name="adamw",
        made_by="torch.optim.AdamW",
        parameters=MappingProxyType({**_ADAM, "weight_decay": 0.01, "amsgrad": False, **_UP}),
        lr=0.001,
        formula=f"x -= lr * weight_decay * x;  {_MOMENTS};  {_ADAM_STEP};  {_AMSGRAD}",
        source="Loshchilov and Hutter (2019), Decoupled weight decay regularization",
        equations=_adamw_step,
    ),
    RuleRow(
        name="amsgrad",
        made_by="torch.optim.Adam",
        fixed=MappingProxyType({"amsgrad": True}),
        parameters=MappingProxyType({**_ADAM, **_DECAY, **_UP, **_DECOUPLED}),
        lr=0.001,
        formula=f"{_MOMENTS};  w = max(w, v);  x -= lr * (m / (1 - b1**t)) / (sqrt(w / (1 - b2**t)) + eps)",
        source="Reddi, Kale and Kumar (2018), On the convergence of Adam and beyond",
    ),
    RuleRow(
        name="nadam",
        made_by="torch.optim.NAdam",
        parameters=MappingProxyType({**_ADAM, **_DECAY, "momentum_decay": 0.004, **_DECOUPLED, **_UP}),
        lr=0.002,
        formula=f"{_MOMENTS};  k = b1 * (1 - 0.96**(t * momentum_decay) / 2);  "
        "n = b1 * (1 - 0.96**((t + 1) * momentum_decay) / 2);  p = k if t == 1 else p * k;  "
        "x -= lr * ((1 - k) / (1 - p) * g + n / (1 - p * n) * m) / (sqrt(v / (1 - b2**t)) + eps)",
        source="Dozat (2016), Incorporating Nesterov momentum into Adam",
    ),
    RuleRow(
        name="radam",
        made_by="torch.optim.RAdam",
        parameters=MappingProxyType({**_ADAM, **_DECAY, **_DECOUPLED, **_UP}),
        lr=0.001,
        formula=f"{_MOMENTS};  r = 2 / (1 - b2) - 1;  q = r - 2 * t * b2**t / (1 - b2**t);  "
        "k = sqrt((q - 4) * (q - 2) * r / ((r - 4) * (r - 2) * q)) if q > 5 else 0;  "
        "x -= lr * m / (1 - b1**t) * (k * sqrt(1 - b2**t) / (sqrt(v) + eps) if q > 5 else 1)",
        source="Liu et al. (2020), On the variance of the adaptive learning rate and beyond",
    ),
    RuleRow(
        name="adamax",
        made_by="torch.optim.Adamax",
        parameters=MappingProxyType({**_ADAM, **_DECAY, **_UP}),
        lr=0.002,
        formula="m = b1 * m + (1 - b1) * g;  u = max(b2 * u, abs(g) + eps);  x -= lr / (1 - b1**t) * m / u",
        source="Kingma and Ba (2015), Adam: a method for stochastic optimization, section 7",
    ),
    RuleRow(
        name="adagrad",
        made_by="torch.optim.Adagrad",
        parameters=MappingProxyType({"lr_decay": 0, **_DECAY, "initial_accumulator_value": 0, "eps": 1e-10, **_UP}),
        lr=0.01,
        formula="s = (initial_accumulator_value if t == 1 else s) + g**2;  "
        "x -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)",
        source="Duchi, Hazan and Singer (2011), Adaptive subgradient methods",
        equations=_adagrad_step,
    ),
    RuleRow(
        name="adadelta",
        made_by="torch.optim.Adadelta",
        parameters=MappingProxyType({"rho": 0.9, "eps": 1e-6, **_DECAY, **_UP}),
        lr=1.0,
        formula="s = rho * s + (1 - rho) * g**2;  d = sqrt(u + eps) / sqrt(s + eps) * g;  "
        "u = rho * u + (1 - rho) * d**2;  x -= lr * d",
        source="Zeiler (2012), ADADELTA: an adaptive learning rate method",
    ),
    RuleRow(
        name="rmsprop",
        made_by="torch.optim.RMSprop",
        parameters=MappingProxyType({"alpha": 0.99, "eps": 1e-8, **_DECAY, "momentum": 0, "centered": False, **_UP}),
        lr=0.01,
        formula="v = alpha * v + (1 - alpha) * g**2;  a = alpha * a + (1 - alpha) * g if centered else 0;  "
        "d = momentum * d + g / (sqrt(v - a**2) + eps);  x -= lr * d",
        source="Tieleman and Hinton (2012), lecture 6.5 of Neural networks for machine learning",
        equations=rmsprop_step,
    ),
    RuleRow(
        name="rprop",
        made_by="torch.optim.Rprop",
        parameters=MappingProxyType({"etas": (0.5, 1.2), "step_sizes": (1e-6, 50), **_UP}),
        lr=0.01,
        formula="k = etas[1] if g * p > 0 else etas[0] if g * p < 0 else 1;  "
        "s = min(max((lr if t == 1 else s) * k, step_sizes[0]), step_sizes[1]);  p = 0 if g * p < 0 else g;  "
        "x -= s * sign(p)",
        source="Riedmiller and Braun (1993), A direct adaptive method for faster backpropagation learning",
    ),
    RuleRow(
        name="asgd",
        made_by="torch.optim.ASGD",
        parameters=MappingProxyType({"lambd": 0.0001, "alpha": 0.75, "t0": 1e6, **_DECAY, **_UP}),
        lr=0.01,
        formula="s = lr / (1 + lambd * lr * (t - 1))**alpha;  x -= s * (g + lambd * x);  "
        "a += (x - a) / max(1, t - 1 - t0);  where a is the mean of x after step t0, which no step uses",
        source="Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging",
    ),
    RuleRow(
        name="adafactor",
        made_by="torch.optim.Adafactor",
        parameters=MappingProxyType({"beta2_decay": -0.8, "eps": (None, 0.001), "d": 1.0, "weight_decay": 0.0, **_UP}),
        lr=0.01,
        formula="k = 1 - t**beta2_decay;  v = k * v + (1 - k) * g**2;  u = g / sqrt(max(v, eps[0]**2));  "
        "x -= lr * weight_decay * x + max(eps[1], rms(x)) * min(lr, 1 / sqrt(t)) * u / max(1, rms(u) / d);  "
        "where eps[0] is the spacing of numbers at 1 if it is None, and u of a matrix has outer(r, c) / "
        "max(mean(r), eps[0]) instead of v, with r and c the means of v over each row and each column",
        source="Shazeer and Stern (2018), Adafactor: adaptive learning rates with sublinear memory cost",
        elementwise=False,
    ),
    RuleRow(
        name="lbfgs",
        made_by="torch.optim.LBFGS",
        parameters=MappingProxyType(
            {
                "max_iter": 20,
                "max_eval": None,
                "tolerance_grad": 1e-7,
                "tolerance_change": 1e-9,
                "history_size": 100,
                "line_search_fn": None,
            }
        ),
        between=MappingProxyType({"max_iter": (0, math.inf), "max_eval": (0, math.inf), "history_size": (0, 1e6)}),
        whole=frozenset(["max_iter", "max_eval", "history_size"]),
        choices=MappingProxyType({"line_search_fn": ("strong_wolfe",)}),
        lr=1.0,
        formula="s = lr * min(1, 1 / sum(abs(g))) if t == 1 else lr;  x -= s * H @ g;  "
        "where H is the inverse Hessian of BFGS from the last history_size changes of x and g, and the identity at "
        "t = 1; a step has up to max_iter such inner steps, which t counts; line_search_fn chooses s by a search from "
        "there",
        source="Liu and Nocedal (1989), On the limited memory BFGS method for large scale optimization",
        elementwise=False,
        rests=True,
        has_batch_form=True,
        evaluates=True,
        no_clipping="evaluates more gradients within a step, and these would not be clipped",
    ),
    RuleRow(
        name="muon",
        made_by="torch.optim.Muon",
        parameters=MappingProxyType(
            {
                "weight_decay": 0.1,
                "momentum": 0.95,
                "nesterov": True,
                "ns_coefficients": (3.4445, -4.775, 2.0315),
                "eps": 1e-7,
                "ns_steps": 5,
                "adjust_lr_fn": None,
            }
        ),
        between=MappingProxyType({"ns_steps": (0, 100)}),
        whole=frozenset(["ns_steps"]),
        choices=MappingProxyType({"adjust_lr_fn": ("original", "match_rms_adamw")}),
        lr=0.001,
        formula="v = momentum * v + (1 - momentum) * g;  u = momentum * v + (1 - momentum) * g if nesterov else v;  "
        "x -= lr * weight_decay * x + lr * sqrt(max(1, rows / columns)) * orthogonal(u);  "
        "where orthogonal(u) starts from s = u / max(norm(u), eps) and takes, ns_steps times and in bfloat16, "
        "s = a * s + (b * s @ s.T + c * s @ s.T @ s @ s.T) @ s with a, b, c = ns_coefficients; for matrices only; "
        "adjust_lr_fn='match_rms_adamw' has 0.2 * sqrt(max(rows, columns)) as the factor of lr",
        source="Jordan et al. (2024), Muon: an optimizer for hidden layers in neural networks",
        elementwise=False,
        matrices_only=True,
    ),
)
