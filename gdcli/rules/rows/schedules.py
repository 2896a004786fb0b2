"""The schedules of torch.optim.lr_scheduler."""

from __future__ import annotations

from gdcli.rules.row import ScheduleRow

# The momentum of cyclic schedules belongs to the optimizer, and a rule may have none.
_LR_ALONE = {"cycle_momentum": False}

ROWS = (
    ScheduleRow(name="constant", class_name="ConstantLR"),
    ScheduleRow(name="linear", class_name="LinearLR"),
    ScheduleRow(name="exponential", class_name="ExponentialLR"),
    ScheduleRow(name="polynomial", class_name="PolynomialLR"),
    ScheduleRow(name="step", class_name="StepLR"),
    ScheduleRow(name="multistep", class_name="MultiStepLR"),
    ScheduleRow(name="cosine", class_name="CosineAnnealingLR"),
    ScheduleRow(name="cosine-restarts", class_name="CosineAnnealingWarmRestarts"),
    ScheduleRow(name="cyclic", class_name="CyclicLR", fixed=_LR_ALONE),
    ScheduleRow(name="one-cycle", class_name="OneCycleLR", fixed=_LR_ALONE),
    ScheduleRow(name="plateau", class_name="ReduceLROnPlateau", needs_loss=True),
    ScheduleRow(name="lambda", class_name="LambdaLR"),
    ScheduleRow(name="multiplicative", class_name="MultiplicativeLR"),
)
