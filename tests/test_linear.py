"""The linear layer: against a loop by hand, and what is said of dead outputs."""

from __future__ import annotations

import pytest
import torch
from msgspec.structs import replace

import gdcli
from gdcli.contract.diagnosis import Finding
from gdcli.linear.model import fit_linear


@pytest.mark.parametrize(
    "activation", ["relu", "none", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh"]
)
def test_activations_are_those_of_pytorch(activation: str) -> None:
    y = (lambda z: z) if activation == "none" else getattr(torch.nn.functional, activation)
    weights = torch.tensor([[0.3, -0.2], [0.1, 0.4]], requires_grad=True)
    x, target = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.25])
    losses = []
    for _ in range(10):
        loss = torch.sum((y(weights.matmul(x)) - target) ** 2)
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            weights -= 0.05 * weights.grad
        weights.grad.zero_()
    values = {"W": [[0.3, -0.2], [0.1, 0.4]], "x": [1, 2], "target": [0.5, 0.25]}
    assert [s.loss for s in gdcli.fit_linear(values, activation=activation, lr=0.05).result().iterations] == losses


def deaths(record: gdcli.FitLinearResult) -> list[Finding]:
    return [finding for finding in record.diagnosis if finding.code == "dead-relu"]


def test_relu_layer_that_died_is_reported_with_its_step() -> None:
    (death,) = deaths(gdcli.fit_linear(seed=1).result())
    assert death.message == (
        "the ReLU layer died in the update of iteration 0: since then W @ x is not positive there, "
        "so relu returns 0 and its gradient is exactly 0; the loss stays at 4.4"
    )
    assert death.evidence == {"outputs": [0, 1, 2], "of": 3, "since": [1, 1, 1], "loss": 4.400000095367432}
    assert death.remedy is not None
    assert death.remedy.settings == {"lr": 0.0357}  # 1 / (2 |x|^2) = 1 / 28
    assert death.remedy.options == "--lr 0.0357"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_the_remedies_keep_the_layer_alive(seed: int) -> None:
    (death,) = deaths(gdcli.fit_linear(seed=seed).result())
    assert death.remedy is not None
    for remedy in ({**death.remedy.settings, "steps": 50}, {"activation": "leaky_relu", "lr": 0.0357, "steps": 50}):
        record = gdcli.fit_linear(seed=seed, **remedy).result()
        assert deaths(record) == []
        assert record.result.loss < 1e-6


def test_outputs_that_died_are_counted_and_named() -> None:
    values = {"W": [[1, 1], [0.01, 0.01]], "x": [1, 1], "target": [0.1, 0.02]}
    (death,) = deaths(gdcli.fit_linear(values, lr=0.3, steps=5).result())
    assert death.message.startswith("1 of 2 ReLU outputs (0) died in the update of iteration 0")


def test_an_output_that_was_never_alive_is_not_blamed_on_a_step() -> None:
    values = {"W": [[-1, -1]], "x": [1, 1], "target": [1]}
    record = gdcli.fit_linear(values, steps=30).result()
    (death,) = deaths(record)
    assert death.message.startswith("the ReLU layer is dead from the start")
    assert death.remedy is not None
    assert set(death.remedy.settings) == {"values"}
    cured = fit_linear(replace(record.settings, **death.remedy.settings)).result()
    assert deaths(cured) == []
    assert cured.result.loss < 0.2


def test_an_output_whose_target_is_zero_is_not_dead_but_done() -> None:
    record = gdcli.fit_linear({"W": [[-1, -1]], "x": [1, 1], "target": [0]}, steps=3).result()
    assert deaths(record) == []


def test_a_layer_that_learns_gets_no_notice() -> None:
    record = gdcli.fit_linear(lr=0.02, steps=30).result()
    assert (deaths(record), record.warnings) == ([], [])


def test_several_samples() -> None:
    record = gdcli.fit_linear({"W": "zeros(1, 2)", "x": [[1, 0], [0, 1]], "target": [[3, 4]]},
                              activation="none", lr=0.4, steps=40).result()  # fmt: skip
    assert record.result.values["W"][0] == pytest.approx([3, 4], abs=1e-4)
