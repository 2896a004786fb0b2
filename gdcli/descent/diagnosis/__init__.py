"""What happened in a descent, and what to change: findings with their evidence.

Each finding has a code, a sentence, the numbers behind it, and a remedy where one is known. In the order in which they
are looked for, the most important first:

    unbounded               the loss falls and falls: there is no minimum this way
    learning-rate-too-large  beyond the bound of the rule at the curvature that is there
    momentum-too-large      a momentum of 1 or more
    not-finite              the operation and the step at which nan or inf first arose
    dead-relu               a ReLU that is 0 for every input, and has no gradient any more
    saddle                  stuck at a saddle, or at a maximum
    vanishing-gradient      a plateau
    zig-zag, oscillating    to and fro
    slow, rate              how fast it converges, predicted and measured; "slow" when it has not arrived
    float-floor             steps too small for the dtype
    no-curvature            why there is no Hessian, and so no finding that needs one (for programs)
    incomplete              a part of the diagnosis that failed (for programs)

The theory holds for rules that are linear in the gradient (plain gradient descent, momentum, Nesterov's momentum).
For every other rule only what is true for any rule is said.
"""
