"""What happened in a descent, and what to change: findings with their evidence.

Each finding has a code, a sentence, the numbers behind it, and a remedy where one was tried and did better. In the
order in which they are looked for, with their evidence (what is a direction holds the parts of a unit vector, by
variable):

    dead-relu                a ReLU that is 0 for every input and has no gradient any more: fit-linear: outputs, of,
                             since (iterations), loss; minimize: text, span, since, loss
    unbounded, no-minimum    the loss goes on falling where the run is going, without a limit or towards one: loss,
                             iteration, direction, distance and loss_there (the farthest place that was looked at),
                             limit (extrapolated; null where it is not clear); pause (an inflection on the way)
    kink                     the gradient jumps between the last states: point, variable, before and after (the
                             gradient on both sides), jump (a direction), lr
    cycling                  a state came again: since, period, losses, lr
    learning-rate-too-large  beyond the bound of the rule: lr, bound, formula, momentum, largest (L), smallest (mu),
                             direction (of L), iteration (where the curvature was taken), local (no quadratic), factor
                             (per step, along it), best_lr; of a rule without theory: lr, bound (null)
    momentum-too-large       1 or more: momentum, bound
    not-finite               where nan or inf first arose: iteration, during ("forward", "backward", "update", "start"),
                             operation, text, span, value, count, operands; for an update or a start: variable
    overflow-recovered       the loss rose far beyond its first size and came back: first, worst, iteration, last
    uphill                   a step of Newton's method to a worse loss, where the curvature is negative: iteration,
                             eigenvalue, direction, before and after (the loss)
    saddle                   rests at a saddle or a maximum: kind, gradient_norm, eigenvalue, direction, iteration
    stationary               no gradient at the start, and a lower loss beside it: gradient_norm, variable, at,
                             loss_there
    held                     does not move for another reason than its loss: by ("rate", "bound", "step", or a parameter
                             of the rule), gradient_norm, variables, at, since, tolerance, largest
    vanishing-gradient       a plateau: gradient_norm, curvature (along the gradient), iteration, moved
    local-minimum            a minimum that is not the lowest: loss, lowest (known), gradient_norm, smallest, iteration
    zig-zag, oscillating     back and forth: cosine (of successive gradients, the median), rising_steps (a share), lr,
                             progress_cosine (of a gradient and the sum of it and the next)
    badly-scaled             curvatures of variables that are far apart: steep, flat, ratio, rates (1 / L of each); of a
                             quadratic that is nearly flat in one direction: ratio, direction, loss, lowest
    slow, rate               the speed, "slow" when the run has not arrived: lr, momentum, largest, smallest,
                             condition_number, exact (all eigenvalues known), direction (of mu), iteration, local,
                             predicted_factor, predicted_loss_factor, eigenvalue (that decides), measured_factor,
                             measured_loss_factor (above limit), limit, measured_since, measured_until, goal (relative),
                             steps_to_goal (counted), more_than (steps that are not enough), best_lr, best_lr_factor,
                             best_momentum, best_momentum_lr, best_momentum_factor; without theory: lr, gradient_norm,
                             power (of 1 / k), effective_lr, and what is measured; of a known minimum: loss, gap
    float-floor              steps too small for the dtype: since, step, spacing, dtype, gradient_norm
    broadcast                a column and a vector that broadcast to a matrix: text, span, shapes
    unexplained              diverged, above the known minimum, or does not settle, why is not known: loss, gap,
                             iteration, lr; of a run that does not settle: what slow has, left, loss_later
    batch-noise              of a fit to data in batches (gdcli/regression/findings.py): loss, exact, excess, lr
    work-limit               not every remedy was tried, for trial runs had cost as much as they may
    no-curvature             why there is no Hessian, and so no finding that needs one (for programs): reasons
    incomplete               a part of the diagnosis that failed (for programs): part, error

What the curvature predicts holds for rules that are linear in the gradient (plain gradient descent, momentum,
Nesterov's momentum), as long as nothing is clipped or held at a bound; it is said where the run bears it out. Numbers
of steps are counted in a run, made up to its goal. A remedy was run as the user would run it, for as many steps, and
did better.

It costs a few comparisons a step, and at the end a Hessian or two (up to 200 unknowns exact, up to 100,000 by Lanczos,
within a bound of elements) and trial runs, which cost at most what the run itself did and about half a second; where
that is used up, a finding says so (``trial.py``).
"""
