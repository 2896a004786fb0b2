"""The modules of torch.nn without parameters of their own: what each computes, and how it is set up."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct


class Module(Struct, frozen=True):
    """A module: its function in the table, and the parameters of that function which it takes when it is made.

    ``by_position`` are those that may be given without their names, in the module's order.
    """

    function: str
    by_position: tuple[str, ...]
    by_name: tuple[str, ...]


def _module(function: str, settings: str = "") -> Module:
    before, _, after = settings.partition("*")
    return Module(function, tuple(before.replace(",", " ").split()), tuple(after.replace(",", " ").split()))


_REDUCTION = "* reduction"

_MODULES = {
    "AvgPool1d": _module("avg_pool1d", "kernel_size, stride, padding"),
    "AvgPool2d": _module("avg_pool2d", "kernel_size, stride, padding"),
    "BCELoss": _module("binary_cross_entropy", "weight * reduction"),
    "BCEWithLogitsLoss": _module("binary_cross_entropy_with_logits", "weight * reduction, pos_weight"),
    "CELU": _module("celu", "alpha"),
    "CosineEmbeddingLoss": _module("cosine_embedding_loss", "margin * reduction"),
    "CosineSimilarity": _module("cosine_similarity", "dim, eps"),
    "CrossEntropyLoss": _module("cross_entropy", "weight * ignore_index, reduction, label_smoothing"),
    "ELU": _module("elu", "alpha"),
    "GELU": _module("gelu", "approximate"),
    "GLU": _module("glu", "dim"),
    "GaussianNLLLoss": _module("gaussian_nll_loss", "* full, eps, reduction"),
    "Hardshrink": _module("hardshrink", "lambd"),
    "Hardsigmoid": _module("hardsigmoid"),
    "Hardswish": _module("hardswish"),
    "Hardtanh": _module("hardtanh", "min_val, max_val"),
    "HingeEmbeddingLoss": _module("hinge_embedding_loss", "margin * reduction"),
    "HuberLoss": _module("huber_loss", "reduction, delta"),
    "KLDivLoss": _module("kl_div", "* reduction, log_target"),
    "L1Loss": _module("l1_loss", _REDUCTION),
    "LeakyReLU": _module("leaky_relu", "negative_slope"),
    "LogSigmoid": _module("logsigmoid"),
    "LogSoftmax": _module("log_softmax", "dim"),
    "MSELoss": _module("mse_loss", _REDUCTION),
    "MarginRankingLoss": _module("margin_ranking_loss", "margin * reduction"),
    "MaxPool1d": _module("max_pool1d", "kernel_size, stride, padding, dilation"),
    "MaxPool2d": _module("max_pool2d", "kernel_size, stride, padding, dilation"),
    "Mish": _module("mish"),
    "NLLLoss": _module("nll_loss", "weight * ignore_index, reduction"),
    "PairwiseDistance": _module("pairwise_distance", "p, eps, keepdim"),
    "PoissonNLLLoss": _module("poisson_nll_loss", "log_input, full * eps, reduction"),
    "ReLU": _module("relu"),
    "ReLU6": _module("relu6"),
    "SELU": _module("selu"),
    "SiLU": _module("silu"),
    "Sigmoid": _module("sigmoid"),
    "SmoothL1Loss": _module("smooth_l1_loss", "* reduction, beta"),
    "SoftMarginLoss": _module("soft_margin_loss", _REDUCTION),
    "Softmax": _module("softmax", "dim"),
    "Softmin": _module("softmin", "dim"),
    "Softplus": _module("softplus", "beta, threshold"),
    "Softshrink": _module("softshrink", "lambd"),
    "Softsign": _module("softsign"),
    "Tanh": _module("tanh"),
    "Tanhshrink": _module("tanhshrink"),
    "Threshold": _module("threshold", "threshold, value"),
    "TripletMarginLoss": _module("triplet_margin_loss", "margin, p, eps * reduction"),
}

MODULES: Mapping[str, Module] = MappingProxyType(
    {f"{place}.{name}": module for place in ("nn", "torch.nn") for name, module in _MODULES.items()}
)
"""The module of every spelling."""

WITH_PARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        "Bilinear": "write the product with variables",
        "Conv1d": "write F.conv1d(x, weight, bias)",
        "Conv2d": "write F.conv2d(x, weight, bias)",
        "Embedding": "write F.embedding(i, weight)",
        "Flatten": "write torch.flatten(x, 1)",
        "LayerNorm": "write F.layer_norm(x, (3,), weight, bias)",
        "Linear": "write F.linear(x, W, b), or W @ x + b, with W and b as variables",
        "PReLU": "write F.prelu(x, weight)",
        "Sequential": "write its modules one around the other: nn.ReLU()(F.linear(x, W, b))",
    }
)
"""What to write for modules that have parameters of their own, or others in them."""
