"""Every figure that the lecture notebook prints, from gdcli, to the digits that it prints."""

from __future__ import annotations

import math

import pytest
import torch

import gdcli

# Cell 4: PyTorch's own four digits.
OPS = {
    "a": [1, 2, 3, 4, 5],
    "b": [5, 6, 7, 8, 9],
    "a * b": [5, 12, 21, 32, 45],
    "a + b": [6, 8, 10, 12, 14],
    "a - b": [-4, -4, -4, -4, -4],
    "a / b": [0.2000, 0.3333, 0.4286, 0.5000, 0.5556],
    "a//b": [0, 0, 0, 0, 0],
    "a**b": [1, 64, 2187, 65536, 1.9531e06],
    "a > b": [False] * 5,
    "a==b": [False] * 5,
}

# Cell 30: iteration, x, loss, grad, as printed.
MANUAL = [
    (0, 4.0, 6.25, 5.0),
    (1, 3.5, 4.0, 4.0),
    (2, 3.0999999046325684, 2.559999704360962, 3.1999998092651367),
    (3, 2.7799999713897705, 1.6383999586105347, 2.559999942779541),
    (4, 2.5239999294281006, 1.0485758781433105, 2.047999858856201),
    (5, 2.319200038909912, 0.671088695526123, 1.6384000778198242),
    (6, 2.155359983444214, 0.429496705532074, 1.3107199668884277),
    (7, 2.0242879390716553, 0.2748778462409973, 1.0485758781433105),
    (8, 1.9194303750991821, 0.17592184245586395, 0.8388607501983643),
    (9, 1.8355443477630615, 0.1125900074839592, 0.671088695526123),
    (10, 1.7684354782104492, 0.07205760478973389, 0.5368709564208984),
    (11, 1.7147483825683594, 0.046116866171360016, 0.42949676513671875),
]
# The last line of the listing is cut after "grad 0.343597412109".
CUT = (12, 1.6717987060546875, 0.029514795169234276, "0.343597412109")

# Cell 31, with PyTorch's four digits: iteration, x after the step, loss and grad before it.
SGD = [
    (0, 3.5000, 6.2500, 5.0),
    (1, 3.1000, 4.0, 4.0),
    (2, 2.7800, 2.5600, 3.2000),
    (3, 2.5240, 1.6384, 2.5600),
    (4, 2.3192, 1.0486, 2.0480),
    (5, 2.1554, 0.6711, 1.6384),
    (6, 2.0243, 0.4295, 1.3107),
    (7, 1.9194, 0.2749, 1.0486),
    *((i, 1.5000, 5.6843e-14, 4.7684e-07) for i in range(79, 86)),
]

# Cell 21 and 27, with PyTorch's four digits.
W = [[0.6904, 0.7417, 0.6027, 0.7612], [0.3263, 0.9509, 0.6202, 0.9371], [0.1982, 0.1809, 0.3788, 0.1230]]
W_GRAD = [
    [0.0000, 6.4615, 12.9230, 19.3845],
    [0.0000, 7.6048, 15.2095, 22.8143],
    [-0.0000, -0.1850, -0.3699, -0.5549],
]
MATRIX = "torch.sum((torch.relu(W.matmul(x)) - target)**2)"


def four_digits(value: float) -> str:
    """A number as PyTorch prints it in a tensor of like numbers."""
    return f"{value:.4e}" if value and not 1e-3 < abs(value) < 1e6 else f"{value:.4f}"


def test_ops_table_is_that_of_the_notebook() -> None:
    rows = {row.expression: row for row in gdcli.ops().rows}
    for expression, printed in OPS.items():
        assert list(map(four_digits, rows[expression].value)) == list(map(four_digits, printed)), expression
    assert rows["a"].dtype == "float32"
    assert rows["a > b"].dtype == "bool"
    assert rows["a"].shape == [5]


def test_ones_of_the_notebook() -> None:
    row = gdcli.ops("torch.ones(5, 4, dtype=torch.float32)").rows[0]
    assert (row.value, row.dtype, row.shape) == ([[1.0] * 4] * 5, "float32", [5, 4])


def test_operations_on_plain_numbers() -> None:
    rows = {row.expression: row.value for row in gdcli.ops(a=1, b=2).rows}
    assert [rows["torch.add(a, b)"], rows["torch.mul(a, b)"], rows["torch.sub(a, b)"]] == [3.0, 2.0, -1.0]
    assert [rows["a + b"], rows["a * b"], rows["a - b"]] == [3.0, 2.0, -1.0]


def test_gradient_of_the_logarithm() -> None:
    record = gdcli.grad("log(x**2 + y**2)", x=15, y=24, wrt=["x"])
    assert four_digits(record.value) == "6.6859"
    assert record.grad_fn == "LogBackward0"
    assert four_digits(record.grads["x"]) == "0.0375"
    assert record.grads["y"] is None


def test_gradient_without_arguments_is_the_one_of_the_notebook() -> None:
    record = gdcli.grad()
    assert (record.settings.expression, record.settings.wrt) == ("log(x**2 + y**2)", ["x"])
    assert four_digits(record.grads["x"]) == "0.0375"


def test_gradient_of_the_tangent() -> None:
    record = gdcli.grad("tan(1 + x**2)", x=1)
    assert four_digits(record.value) == "-2.1850"
    assert record.grad_fn == "TanBackward0"
    assert four_digits(record.grads["x"]) == "11.5488"
    assert record.grads["x"] == pytest.approx(2 / math.cos(2) ** 2, rel=1e-6)
    exact = gdcli.grad("tan(1 + x**2)", x=1, dtype="float64").grads["x"]
    assert exact == pytest.approx(11.548798408083835, rel=1e-14)


def test_matrix_example() -> None:
    record = gdcli.grad(MATRIX, W=W, x="arange(4)", target="[1, 1.2, 1.4]", wrt=["W"])
    assert record.value == pytest.approx(24.9044, abs=2e-3)
    assert record.grad_fn == "SumBackward0"
    for row, printed in zip(record.grads["W"], W_GRAD, strict=True):
        # W is printed with four digits, so its gradient is good to three.
        assert row == pytest.approx(printed, abs=2e-3)
    assert record.grads["x"] is None


def test_manual_loop_prints_the_same_digits() -> None:
    steps = gdcli.minimize().result().iterations
    assert len(steps) == 100
    printed = [(step.iteration, step.values["x"], step.loss, step.grads["x"]) for step in steps]
    assert printed[: len(MANUAL)] == MANUAL
    iteration, x, loss, grad = printed[12]
    assert (iteration, x, loss) == CUT[:3]
    assert str(grad).startswith(CUT[3])


def test_sgd_loop_prints_the_same_digits() -> None:
    # The notebook prints x after optimizer.step(): the state of our next record.
    steps = list(gdcli.minimize(x="[4]", optimizer="sgd"))
    for iteration, x, loss, grad in SGD:
        step = steps[iteration]
        assert four_digits(steps[iteration + 1].values["x"][0]) == four_digits(x)
        assert four_digits(step.loss) == four_digits(loss)
        assert four_digits(step.grads["x"][0]) == four_digits(grad)


def test_last_cell_makes_x_a_non_leaf() -> None:
    record = gdcli.minimize(update="rebind", steps=1).result()
    assert [(s.values["x"], s.loss, s.grads["x"]) for s in record.iterations] == [(4.0, 6.25, 5.0)]
    assert record.result.values["x"] == 3.5
    state = record.tensors["x"]
    assert (state.grad_fn, state.is_leaf, state.requires_grad) == ("SubBackward0", False, True)


def test_non_leaf_has_no_gradient_after_the_next_backward() -> None:
    record = gdcli.minimize(update="rebind").result()
    assert record.status == "no_gradient"
    assert [step.grads["x"] for step in record.iterations] == [5.0, None]
    assert [notice.code for notice in record.warnings] == ["non-leaf"]
    assert "SubBackward0" in record.warnings[0].message


def loop_by_hand(seed: int, steps: int) -> tuple[list[float], list[list[list[float]]]]:
    """Cell 29."""
    torch.manual_seed(seed)
    weights = torch.rand(3, 4, requires_grad=True)
    x = torch.arange(4, dtype=torch.float32)
    target = torch.tensor([1.0, 1.2, 1.4])
    losses, gradients = [], []
    for _ in range(steps):
        loss = torch.sum((torch.relu(weights.matmul(x)) - target) ** 2)
        loss.backward()
        losses.append(loss.item())
        gradients.append(weights.grad.tolist())
        with torch.no_grad():
            weights -= 0.1 * weights.grad
        weights.grad.zero_()
    return losses, gradients


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_fit_equals_the_loop_by_hand(seed: int) -> None:
    record = gdcli.fit_linear(seed=seed).result()
    losses, gradients = loop_by_hand(seed, 10)
    assert [step.loss for step in record.iterations] == losses
    assert [step.grads["W"] for step in record.iterations] == gradients


def test_layers_that_die_at_once_stay_at_the_loss_of_the_notebook() -> None:
    died_at_once = [seed for seed in range(12) if loop_by_hand(seed, 2)[0][1] == 4.400000095367432]
    assert len(died_at_once) >= 3
    for seed in died_at_once:
        record = gdcli.fit_linear(seed=seed).result()
        assert [step.loss for step in record.iterations[1:]] == [4.400000095367432] * 9
        assert record.diagnosis[0].code == "dead-relu"
        assert "died in the update of iteration 0" in record.diagnosis[0].message
