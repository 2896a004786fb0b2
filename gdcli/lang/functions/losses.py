"""Losses and distances."""

from __future__ import annotations

from gdcli.lang.functions.rows import free, nn

CATEGORY = "losses"
_REDUCTION = "reduction: 'none'|'mean'|'sum' = 'mean'"

FUNCTIONS = (
    nn("mse_loss", f"input, target, *, {_REDUCTION}", "mean squared error", "mse_loss([1, 2], [1, 4])"),
    nn("l1_loss", f"input, target, *, {_REDUCTION}", "mean absolute error", "l1_loss([1, 2], [1, 4])"),
    nn(
        "smooth_l1_loss",
        f"input, target, *, {_REDUCTION}, beta: number = 1",
        "squared error below beta, absolute error above",
        "smooth_l1_loss([1, 2], [1.5, 5])",
    ),
    nn(
        "huber_loss",
        f"input, target, {_REDUCTION}, delta: number = 1",
        "smooth_l1_loss times delta",
        "huber_loss([1, 2], [1.5, 5], delta=2)",
    ),
    nn(
        "binary_cross_entropy",
        f"input, target, weight = None, *, {_REDUCTION}",
        "cross-entropy between probabilities and 0/1 targets",
        "binary_cross_entropy([0.9, 0.2], [1, 0])",
    ),
    nn(
        "binary_cross_entropy_with_logits",
        f"input, target, weight = None, *, {_REDUCTION}, pos_weight = None",
        "binary_cross_entropy(sigmoid(input), target)",
        "binary_cross_entropy_with_logits([2, -1], [1, 0])",
    ),
    nn(
        "cross_entropy",
        f"input, target: labels, weight = None, *, ignore_index: int = -100, {_REDUCTION}, label_smoothing: number = 0",
        "cross-entropy of logits with class labels or probabilities",
        "cross_entropy([2, 1, 0], [1, 0, 0])",
    ),
    nn(
        "nll_loss",
        f"input, target: index, weight = None, *, ignore_index: int = -100, {_REDUCTION}",
        "negative log-likelihood of class indices",
        "nll_loss(log_softmax([[2, 1, 0]], 1), [0])",
    ),
    nn(
        "kl_div",
        "input, target, *, reduction: 'none'|'mean'|'sum'|'batchmean' = 'mean', log_target: bool = False",
        "Kullback-Leibler divergence from log-probabilities",
        "kl_div(log([0.5, 0.5]), [0.9, 0.1], reduction='sum')",
    ),
    nn(
        "poisson_nll_loss",
        f"input, target, log_input: bool = True, full: bool = False, *, eps: number = 1e-08, {_REDUCTION}",
        "Poisson negative log-likelihood of counts",
        "poisson_nll_loss([0, 1], [1, 3])",
    ),
    nn(
        "gaussian_nll_loss",
        f"input, target, var, full: bool = False, eps: number = 1e-06, {_REDUCTION}",
        "Gaussian negative log-likelihood of values",
        "gaussian_nll_loss([1, 2], [1, 4], [1, 2])",
    ),
    nn(
        "soft_margin_loss",
        f"input, target, *, {_REDUCTION}",
        "log(1 + exp(-target * input)), target -1 or 1",
        "soft_margin_loss([2, -1], [1, -1])",
    ),
    nn(
        "hinge_embedding_loss",
        f"input, target, margin: number = 1, *, {_REDUCTION}",
        "input where target is 1, hinge loss where it is -1",
        "hinge_embedding_loss([2, 0.5], [1, -1])",
    ),
    nn(
        "margin_ranking_loss",
        f"input1, input2, target, margin: number = 0, *, {_REDUCTION}",
        "penalty for pairs in the wrong order",
        "margin_ranking_loss([1, 2], [2, 1], [1, 1])",
    ),
    nn(
        "triplet_margin_loss",
        f"anchor, positive, negative, margin: number = 1, p: number = 2, eps: number = 1e-06, *, {_REDUCTION}",
        "penalty for an anchor closer to negative than positive",
        "triplet_margin_loss([0, 0], [3, 4], [1, 0])",
    ),
    nn(
        "cosine_embedding_loss",
        f"input1, input2, target, margin: number = 0, *, {_REDUCTION}",
        "cosine loss: target 1 if similar, -1 if not",
        "cosine_embedding_loss([[1, 0]], [[1, 1]], [1])",
    ),
    free(
        "cosine_similarity",
        "x1, x2, dim: int = 1, eps: number = 1e-08",
        "cosine of the angle between x1 and x2",
        "cosine_similarity([1, 0], [1, 1], dim=0)",
        also=("torch.nn.functional.cosine_similarity",),
    ),
    free(
        "pairwise_distance",
        "x1, x2, p: number = 2, eps: number = 1e-06, keepdim: bool = False",
        "p-norms of the rows of x1 - x2",
        "pairwise_distance([[0, 0]], [[3, 4]])",
        also=("torch.nn.functional.pairwise_distance",),
    ),
)
