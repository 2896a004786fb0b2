"""What is wrong with a loop that was watched: findings with their line, their evidence and what to change.

Each is a function of a ``Case``, a descent with what is computed from its record; ``find`` asks them all. What the loop
does wrong explains how its descent went, so the second half is asked only where the first half found nothing:

    update-outside-no-grad   PyTorch's error, told in place; so are integer-parameter, no-requires-grad, no-gradient (a
                             loss without a graph: under no_grad), two-backwards (also one loss twice, without an
                             error), no-leaf and changed-in-place
    graph-grows              a loss that has the graphs of all iterations before, by as many operations each
    rebound                  a name that the update binds to another tensor, without a gradient or an optimizer
    zero-grad-forgotten      a gradient added to one that was used: last + new = sum
    zero-grad-before-step    gradients set to zero between backward and step; step-before-backward: the step comes first
    lr-zero                  a rate of 0 from the start, or by a schedule for more than half of the iterations
    never-stepped            leaves with gradients that nothing changes; not-held: that no optimizer of the loop holds
    not-reached, detached    leaves that no loss reaches; where the source has a line that cuts them off, that line
    schedule-before-step     a schedule that is one step ahead of its optimizer
    broadcast, not-averaged  a column against a vector in the loss; a sum over batches of different sizes (a guess)

    dead-relu                a ReLU that is 0 for every input, while the leaves below have a gradient of exactly 0
    learning-rate-too-large  above 2 (1 + momentum) / L, with L at least |change of gradient| / |step| on the way
    not-finite               the first operation with nan or inf, forward or backward; data, an update
    float-floor              steps below half the spacing of the dtype
    plateau, saddle          saturated functions; numbers that stay exactly 0 at rest (a guess)
    cycling, oscillating     the same places again; successive gradients that oppose each other
    learning-rate-too-small  tiny steps, a loss that hardly changed
    vanishing-gradient, exploding-gradient   from the last layer to the first, per element
    incomplete               a part of the search that failed (for programs): part, error

The values are what the recorder saw. Lines of operations are PyTorch's own, of the second iteration; other lines are
read in the source, and a message that rests on that alone says "by the source". A finding that rests on a guess is
marked and says so. No number of steps is predicted: a remedy is one number or word of a line, to be tried.
"""
