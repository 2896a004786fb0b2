"""What happened in a descent, and what to change: findings with their evidence.

Each finding has a code, a sentence, the numbers behind it, and a remedy where one is known. In the order in which they
are looked for, the most important first, with their evidence (what is a direction holds the parts of a unit vector, by
variable):

    dead-relu                a ReLU that is 0 for every input and has no gradient any more: fit-linear: outputs, of,
                             since (iterations), loss; minimize: text, span, since, loss
    unbounded                the loss has no bound: loss, iteration, curvature and direction (the most negative)
    learning-rate-too-large  beyond the bound of the rule: lr, bound, formula, momentum, largest (L), smallest (mu),
                             direction (of L), iteration (where the curvature was taken), local (no quadratic), factor
                             (per step, along it), best_lr; of a rule without theory: lr, bound (null)
    momentum-too-large       1 or more: momentum, bound
    not-finite               where nan or inf first arose: iteration, during ("forward", "backward", "update"),
                             operation, text, span, value, count, operands; for an update: variable
    uphill                   a step of Newton's method to a worse loss, where the curvature is negative: iteration,
                             eigenvalue, direction, before and after (the loss)
    saddle                   stuck at a saddle or a maximum: kind, gradient_norm, eigenvalue, direction, iteration
    vanishing-gradient       a plateau: gradient_norm, curvature (along the gradient), iteration, moved
    zig-zag, oscillating     back and forth: cosine (of successive gradients, the median), rising_steps (a share), lr,
                             progress_cosine (of a gradient and the sum of it and the next)
    slow, rate               the speed, "slow" when the run has not arrived: lr, momentum, largest, smallest,
                             condition_number, exact (all eigenvalues known), direction (of mu), iteration, local,
                             predicted_factor, predicted_loss_factor, eigenvalue (that decides), measured_factor,
                             measured_loss_factor, measured_since, measured_until, goal (of the gradient, relative),
                             steps_to_goal, best_lr, best_lr_factor, best_momentum, best_momentum_lr,
                             best_momentum_factor; without theory: lr, gradient_norm and what is measured
    float-floor              steps too small for the dtype: since, step, spacing, dtype, gradient_norm
    no-curvature             why there is no Hessian, and so no finding that needs one (for programs): reasons
    incomplete               a part of the diagnosis that failed (for programs): part, error

The theory holds for rules that are linear in the gradient (plain gradient descent, momentum, Nesterov's momentum), as
long as nothing is clipped or held at a bound. For every other rule only what is true for any rule is said.

It costs little: a few comparisons a step, and at the end a Hessian or two (up to 200 unknowns exact, up to 100,000 by
Lanczos, within a bound of elements) and some short trials of remedies, within a bound of elements too.
"""
