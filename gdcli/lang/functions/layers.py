"""Layers of neural networks, as functions without parameters of their own."""

from __future__ import annotations

from gdcli.lang.functions.rows import free, nn

CATEGORY = "layers"
_WINDOW = "kernel_size: ints, stride: ints = None, padding: ints = 0"
_FILTER = "weight, bias = None, stride: ints = 1, padding: ints = 0, dilation: ints = 1, groups: int = 1"

FUNCTIONS = (
    nn("linear", "input, weight, bias = None", "input @ weight.T + bias", "linear([1, 2], [[3, 4]], [5])"),
    nn(
        "embedding",
        "input: index, weight",
        "the rows of weight at these indices",
        "embedding([1, 0], [[1, 2], [3, 4]])",
    ),
    nn(
        "normalize",
        "input, p: number = 2, dim: int = 1, eps: number = 1e-12",
        "input divided by its p-norm along dim",
        "normalize([3, 4], dim=0)",
    ),
    nn(
        "layer_norm",
        "input, normalized_shape: ints, weight = None, bias = None, eps: number = 1e-05",
        "input normalized to mean 0 and variance 1",
        "layer_norm([1, 2, 3], [3])",
    ),
    free(
        "conv1d",
        f"input, {_FILTER}",
        "1-D convolution: sliding dot products along a signal",
        "conv1d([[1, 2, 4, 8]], [[[1, -1]]])",
        also=("torch.nn.functional.conv1d",),
    ),
    free(
        "conv2d",
        f"input, {_FILTER}",
        "2-D convolution: sliding dot products over an image",
        "conv2d([[[1, 2], [3, 4]]], [[[[1, -1]]]])",
        also=("torch.nn.functional.conv2d",),
    ),
    free(
        "avg_pool1d",
        f"input, {_WINDOW}",
        "1-D average pooling: means of windows",
        "avg_pool1d([[1, 2, 3, 4]], 2)",
        also=("torch.nn.functional.avg_pool1d",),
    ),
    nn("avg_pool2d", f"input, {_WINDOW}", "2-D average pooling: means of windows", "avg_pool2d([[[1, 2], [3, 4]]], 2)"),
    free(
        "max_pool1d",
        f"input, {_WINDOW}, dilation: ints = 1",
        "1-D max pooling: maxima of windows",
        "max_pool1d([[1, 3, 2, 4]], 2)",
        also=("torch.nn.functional.max_pool1d",),
    ),
    free(
        "max_pool2d",
        f"input, {_WINDOW}, dilation: ints = 1",
        "2-D max pooling: maxima of windows",
        "max_pool2d([[[1, 2], [3, 4]]], 2)",
        also=("torch.nn.functional.max_pool2d",),
    ),
)
