"""The schedules of torch.optim.lr_scheduler."""

from __future__ import annotations

from gdcli.rules.row import ScheduleRow

# The momentum of cyclic schedules belongs to the optimizer, and a rule may have none.
_LR_ALONE = {"cycle_momentum": False}

ROWS = (
    ScheduleRow(name="constant", class_name="ConstantLR", parameters=("factor", "total_iters")),
    ScheduleRow(name="linear", class_name="LinearLR", parameters=("start_factor", "end_factor", "total_iters")),
    ScheduleRow(name="exponential", class_name="ExponentialLR", parameters=("gamma",), needs={"gamma": "0.99"}),
    ScheduleRow(name="polynomial", class_name="PolynomialLR", parameters=("total_iters", "power")),
    ScheduleRow(name="step", class_name="StepLR", parameters=("step_size", "gamma"), needs={"step_size": "30"}),
    ScheduleRow(
        name="multistep", class_name="MultiStepLR", parameters=("milestones", "gamma"), needs={"milestones": "30,60"}
    ),
    ScheduleRow(name="cosine", class_name="CosineAnnealingLR", parameters=("T_max", "eta_min"), needs={"T_max": "100"}),
    ScheduleRow(
        name="cosine-restarts",
        class_name="CosineAnnealingWarmRestarts",
        parameters=("T_0", "T_mult", "eta_min"),
        needs={"T_0": "50"},
    ),
    ScheduleRow(
        name="cyclic",
        class_name="CyclicLR",
        parameters=("base_lr", "max_lr", "step_size_up", "step_size_down", "mode", "gamma", "scale_mode"),
        needs={"base_lr": "0.01", "max_lr": "0.1"},
        fixed=_LR_ALONE,
    ),
    ScheduleRow(
        name="one-cycle",
        class_name="OneCycleLR",
        parameters=(
            *("max_lr", "total_steps", "epochs", "steps_per_epoch", "pct_start", "anneal_strategy", "div_factor"),
            *("final_div_factor", "three_phase"),
        ),
        needs={"max_lr": "0.1", "total_steps": "100"},
        unless={"total_steps": "epochs"},
        fixed=_LR_ALONE,
    ),
    ScheduleRow(
        name="plateau",
        class_name="ReduceLROnPlateau",
        parameters=("mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lr", "eps"),
        needs_loss=True,
    ),
    ScheduleRow(name="lambda", class_name="LambdaLR", parameters=("lr_lambda",), needs={"lr_lambda": '"0.95**epoch"'}),
    ScheduleRow(
        name="multiplicative",
        class_name="MultiplicativeLR",
        parameters=("lr_lambda",),
        needs={"lr_lambda": '"0.95**epoch"'},
    ),
)
