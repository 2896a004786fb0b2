"""Activations of neural networks."""

from __future__ import annotations

from gdcli.lang.functions.rows import activation, elementwise, free, nn
from gdcli.lang.signature import function

CATEGORY = "activations"

FUNCTIONS = (
    elementwise(
        "relu",
        "input",
        "max(0, x), elementwise",
        "relu([-1, 2])",
        facts=("elementwise", "bounds"),
        also=("torch.nn.functional.relu",),
    ),
    activation("relu6", "input", "relu capped at 6", "relu6([-1, 2, 9])", facts=("elementwise", "bounds")),
    activation(
        "leaky_relu",
        "input, negative_slope: number = 0.01",
        "x, or negative_slope * x below zero",
        "leaky_relu([-1, 2], 0.1)",
    ),
    function(
        "prelu",
        "input, weight",
        "x, or weight * x below zero",
        "prelu([-1, 2], [0.25])",
        also=("torch.nn.functional.prelu",),
    ),
    activation("elu", "input, alpha: number = 1", "x, or alpha * (exp(x) - 1) below zero", "elu([-1, 2])"),
    free(
        "selu",
        "input",
        "elu scaled to keep mean 0 and variance 1",
        "selu([-1, 2])",
        facts=("elementwise",),
        also=("torch.nn.functional.selu",),
    ),
    free(
        "celu",
        "input, alpha: number = 1",
        "elu that is smooth for every alpha",
        "celu([-1, 2], 0.5)",
        facts=("elementwise",),
        also=("torch.nn.functional.celu",),
    ),
    activation(
        "gelu", "input, *, approximate: 'none'|'tanh' = 'none'", "x times the standard normal CDF at x", "gelu([-1, 2])"
    ),
    activation("silu", "input", "x * sigmoid(x), also called swish", "silu([-1, 2])"),
    activation("mish", "input", "x * tanh(softplus(x))", "mish([-1, 2])"),
    elementwise(
        "sigmoid",
        "input",
        "1 / (1 + exp(-x)), from 0 to 1",
        "sigmoid([-1, 0, 1])",
        also=("torch.special.expit", "torch.nn.functional.sigmoid"),
    ),
    activation("logsigmoid", "input", "log(sigmoid(x)), without underflow", "logsigmoid([-100, 0])"),
    activation(
        "softplus",
        "input, beta: number = 1, threshold: number = 20",
        "log(1 + exp(beta x)) / beta",
        "softplus([-1, 2])",
    ),
    activation("softsign", "input", "x / (1 + abs(x))", "softsign([-1, 2])"),
    function(
        "softmax",
        "input, dim: int, dtype: dtype = None",
        "probabilities: exp(x) / sum(exp(x)) along dim",
        "softmax([1, 2, 3], 0)",
        also=("torch.special.softmax", "torch.nn.functional.softmax"),
    ),
    function(
        "log_softmax",
        "input, dim: int, dtype: dtype = None",
        "log(softmax(x)), without underflow",
        "log_softmax([1, 2, 3], 0)",
        also=("torch.special.log_softmax", "torch.nn.functional.log_softmax"),
    ),
    nn("softmin", "input, dim: int", "softmax(-x)", "softmin([1, 2, 3], 0)"),
    activation(
        "hardtanh",
        "input, min_val: number = -1, max_val: number = 1",
        "x clamped between min_val and max_val",
        "hardtanh([-2, 0.5, 2])",
        facts=("elementwise", "bounds"),
    ),
    activation("hardsigmoid", "input", "piecewise linear approximation of sigmoid", "hardsigmoid([-4, 0, 1])"),
    activation("hardswish", "input", "x * hardsigmoid(x)", "hardswish([-4, 0, 1])"),
    elementwise(
        "hardshrink",
        "input, lambd: number = 0.5",
        "x, or 0 between -lambd and lambd",
        "hardshrink([-1, 0.2, 1])",
        also=("torch.nn.functional.hardshrink",),
    ),
    activation(
        "softshrink",
        "input, lambd: number = 0.5",
        "x shrunk towards 0 by lambd, or 0 between -lambd and lambd",
        "softshrink([-1, 0.2, 1])",
    ),
    activation("tanhshrink", "input", "x - tanh(x)", "tanhshrink([-1, 2])"),
    free(
        "threshold",
        "input, threshold: number, value: number",
        "x above the threshold, else value",
        "threshold([1, 2, 3], 1.5, 0)",
        facts=("elementwise",),
        also=("torch.nn.functional.threshold",),
    ),
    nn("glu", "input, dim: int = -1", "first half times the sigmoid of the second half", "glu([1, 2, 0, 1])"),
)
