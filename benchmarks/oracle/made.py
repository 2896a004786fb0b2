"""Cases made by hand, like those that people try: the words of a command, and the lowest value of what is minimized."""

from __future__ import annotations

import math
import shlex

from oracle.ran import Case

_NONE = -math.inf  # there is no lowest value
_TO_ZERO = 0.0  # an infimum that is not attained counts as one

_LOGISTIC = '"mean(log(1 + exp(-y*(w*x + b))))" --y=-1,-1,1,1 --x=-2,-1,1,2 --wrt w,b --w 0 --b 0'
_CELSIUS = '"mean((a*t + b - v)**2)" --t 10,15,20,25,30 --v 52,61,69,77,88 --wrt a,b --a 0 --b 0'
_AREAS = '"mean((w*area + b - price)**2)" --area 50,80,120,200 --price 1.1,1.7,2.4,4.1 --wrt w,b --w 0 --b 0'

_ROWS: tuple[tuple[str, float | None], ...] = (
    # Plain quadratics: converging, too slow, too fast, exactly at the bound.
    ('"x**2" --x 1 --lr 1', 0),
    ('"x**2" --x 1 --lr 1 --steps 5 --dtype float64', 0),
    ('"x**2" --x 1 --lr 1.01', 0),
    ('"x**2" --x 1 --lr 0.5', 0),
    ('"x**2" --x 3 --lr 1e-4', 0),
    ('"x**2" --x 3 --lr 0.49', 0),
    ('"(x-3)**2 + 1" --x 0 --lr 0.01', 1),
    ('"(x-3)**2 + 100" --x 0 --lr 0.1', 100),
    ('"x**2 + 100*y**2" --x 1 --y 1 --lr 0.0099', 0),
    ('"x**2 + 100*y**2" --x 1 --y 1 --lr 0.001', 0),
    ('"x**2 + 100*y**2" --x 1 --y 1e-3 --lr 0.0101', 0),
    ('"x**2 + 100*y**2" --x 1 --y 0 --lr 0.1', 0),
    ('"x**2 + 1e-8*y**2" --x 1 --y 1 --lr 0.1', 0),
    ('"x**2 + 1e4*y**2" --x 1 --y 1 --lr 1e-5 --steps 1000', 0),
    # Flat directions and circles of minima.
    ('"(x**2+y**2-1)**2" --x 1.45 --y 1.4 --lr 0.1 --steps 50', 0),
    ('"(x**2+y**2-1)**2" --x 0.1 --y 0.2 --lr 0.01 --steps 200', 0),
    ('"(x**2+y**2-1)**2" --x 2 --y 0 --lr 0.02', 0),
    ('"(x*y-1)**2" --x 2 --y 3 --lr 0.01 --steps 200', 0),
    ('"(x+y-1)**2" --x 2 --y 3 --lr 0.1', 0),
    ('"(sqrt(x**2+y**2)-1)**2" --x 3 --y 1 --lr 0.2', 0),
    # Slower than any geometric law.
    ('"x**4" --x 1 --lr 0.1 --steps 200', 0),
    ('"x**4" --x 1 --lr 0.1 --steps 2000 --dtype float64', 0),
    ('"x**4 + y**2" --x 1 --y 1 --lr 0.1 --steps 200', 0),
    ('"x**6" --x 1 --lr 0.05 --steps 300', 0),
    ('"x**4" --x 3 --lr 0.1', 0),
    ('"x**4" --x 1 --optimizer sgd --momentum 0.9 --lr 0.01', 0),
    # Falling for ever towards a value that is never reached.
    ('"exp(-x)" --x 1 --lr 1', _TO_ZERO),
    ('"exp(-x)" --x 0 --lr 0.1 --steps 1000', _TO_ZERO),
    ('"exp(-x)" --x 0 --optimizer adam --lr 0.1', _TO_ZERO),
    (f"{_LOGISTIC} --lr 0.5", _TO_ZERO),
    (f"{_LOGISTIC} --lr 5 --steps 500", _TO_ZERO),
    (f"{_LOGISTIC} --optimizer adam --lr 0.1", _TO_ZERO),
    ('"1/(1+x**2)" --x 1 --lr 1', _TO_ZERO),
    ('"softplus(-x)" --x 0 --lr 1', _TO_ZERO),
    ('"sigmoid(x)" --x 3 --lr 1', _TO_ZERO),
    # Without a lowest value.
    ('"x**3" --x 1 --lr 0.1', _NONE),
    ('"x**3" --x=-1 --lr 0.1', _NONE),
    ('"-x**2" --x 1 --lr 0.1', _NONE),
    ('"-x**2" --x 1 --lr 0.1 --steps 1000', _NONE),
    ('"2*x" --x 1 --lr 0.1', _NONE),
    ('"x - y" --x 1 --y 1 --lr 1 --steps 500', _NONE),
    ('"x**2 - y**2" --x 1 --y 0.1 --lr 0.1', _NONE),
    ('"x**2" --x 1 --lr 0.1 --maximize', _NONE),
    ('"exp(x)" --x 1 --lr 0.1 --maximize', _NONE),
    ('"log(x)" --x 1 --lr 0.1 --maximize', _NONE),
    ('"x*y" --x 1 --y 0.9 --lr 0.1', _NONE),
    ('"-x**4 + x**2" --x 1 --lr 0.01', _NONE),
    # Maximizing what has a maximum.
    ('"-(x-2)**2" --x 0 --lr 0.1 --maximize', 0),
    ('"x*exp(-x)" --x 0 --lr 0.5 --maximize', -math.exp(-1)),
    ('"exp(-x**2)" --x 0.5 --lr 0.5 --maximize', -1),
    ('"exp(-x**2)" --x 5 --lr 0.5 --maximize', -1),
    # Kinks.
    ('"abs(x)" --x 1 --lr 0.3', 0),
    ('"abs(x)" --x 1 --lr 0.3 --steps 1000', 0),
    ('"abs(x)" --x 1 --lr 0.01 --steps 30', 0),
    ('"abs(x)" --x 1 --optimizer adam --lr 0.1', 0),
    ('"abs(x)" --x 1 --optimizer sgd --momentum 0.9 --lr 0.01', 0),
    ('"abs(x) + abs(y)" --x 1 --y=-2 --lr 0.1', 0),
    ('"norm(x)" --x 3,4 --lr 0.7', 0),
    ('"norm(x)" --x 3,4 --lr 1', 0),
    ('"abs(x) + x**2" --x 1 --lr 0.1', 0),
    ('"maximum(x, -2*x)" --x 1 --lr 0.05', 0),
    ('"relu(1 - x) + 0.1*x**2" --x 0 --lr 0.3', 0.1),
    ('"max(abs(x))" --x 1,-2,3 --lr 0.2', 0),
    ('"sqrt(abs(x))" --x 1 --lr 0.1', 0),
    ('"abs(x)**1.5" --x 1 --lr 0.1', 0),
    ('"sum(abs(x - t))" --t 1,2,9 --x 0 --wrt x --lr 0.1', 8),
    # Cycles.
    ('"x**4 - 2*x**2" --x 2 --lr 0.4', -1),
    ('"x**2 + 2*cos(3*x)" --x 1 --lr 0.25', None),
    ('"log(cosh(x))" --x 2 --lr 3', 0),
    ('"sin(x)" --x 1 --lr 3', -1),
    # Other minima, saddles, maxima and plateaus.
    ('"x**4 - 2*x**2 + 0.3*x" --x 1.5 --lr 0.02', None),
    ('"sin(5*x) + 0.1*x**2" --x 3 --lr 0.01', -0.99014),
    ('"x**2 - y**2 + 0.1*y**4" --x 1 --y 0 --lr 0.1', -2.5),
    ('"x**2 - y**2 + 0.1*y**4" --x 1 --y 1e-6 --lr 0.1 --steps 40', -2.5),
    ('"x**4 - x**2" --x 0 --lr 0.1', -0.25),
    ('"x**4 - x**2" --x 0 --lr 0.1 --tol-grad 1e-6', -0.25),
    ('"cos(x)" --x 0 --lr 0.1 --tol-grad 1e-8', -1),
    ('"x**3" --x 0 --lr 0.1 --tol-grad 1e-8', _NONE),
    ('"(x**2 - 1)**2" --x 0 --optimizer newton --lr 1', 0),
    ('"(x**2 - 1)**2" --x 0.3 --optimizer newton --lr 1', 0),
    ('"tanh(x)**2" --x 10 --lr 0.1', 0),
    ('"1 - exp(-x**2)" --x 5 --lr 0.1', 0),
    ('"sigmoid(10*x)" --x 3 --lr 0.1', _TO_ZERO),
    ('"floor(x)**2" --x 3.5 --lr 0.1', 0),
    ('"relu(x)" --x=-1 --lr 0.1', 0),
    ('"(relu(w*x) - 1)**2" --w=-1 --x 2 --wrt w --lr 0.1', 0),
    ('"(relu(w*x) - 1)**2" --w 1 --x 2 --wrt w --lr 0.6', 0),
    ('"sum(relu(1 - y*w*x))" --y 1,-1 --x 1,-1 --w 0 --wrt w --lr 0.1', 0),
    # The ends of a dtype.
    ('"(x - 1e4)**2" --x 9999 --lr 0.1 --steps 300', 0),
    ('"(x - 1e4)**2" --x 9999 --lr 1e-5', 0),
    ('"1e8 + x**2" --x 1 --lr 0.1', 1e8),
    ('"(x - 1e8)**2" --x 0 --lr 0.1 --steps 300', 0),
    ('"1e-8*x**2" --x 1e4 --lr 1 --steps 100', 0),
    ('"x**2" --x 1 --lr 0.1 --steps 1000', 0),
    # Overflow, and the ends of a domain.
    ('"exp(x)" --x 100 --lr 0.1', _TO_ZERO),
    ('"exp(x**2)" --x 3 --lr 0.1', 1),
    ('"exp(x**2)" --x 12 --lr 0.1', 1),
    ('"x - log(x)" --x 0.01 --lr 0.1', 1),
    ('"log(x)" --x 1 --lr 2 --steps 5', _NONE),
    ('"x*log(x)" --x 1 --lr 0.5', -math.exp(-1)),
    ('"sqrt(x)" --x 1 --lr 0.5', 0),
    ('"1/x + x" --x 0.1 --lr 0.1', 2),
    ('"1/x" --x 0 --lr 0.1', None),
    ('"log(x)**2" --x 0.5 --lr 1', 0),
    ('"norm(x - 1)" --x 1,1 --lr 0.1', 0),
    ('"asin(x)**2" --x 0.9 --lr 1', 0),
    ('"-log(1 - sigmoid(x))" --x 20 --lr 0.1', _TO_ZERO),
    ('"x**4" --x 100 --lr 0.1 --optimizer adam', 0),
    ('"x**2*(1 + 9*exp(-x**2))" --x 0.1 --lr 0.11 --steps 50', 0),
    # Schedules, bounds, weight decay, clipping.
    ('"x**2" --x 1 --lr 0.1 --schedule linear --sched start_factor=1 --sched end_factor=0 --sched total_iters=20', 0),
    ('"x**2" --x 1 --lr 0.1 --schedule exponential --sched gamma=0.8', 0),
    ('"x**2" --x 1 --lr 0.1 --schedule step --sched step_size=10 --sched gamma=0.1', 0),
    ('"x**2" --x 3 --lr 0.4 --schedule cosine --sched T_max=50 --steps 200', 0),
    ('"x**2" --x 3 --lr 0.1 --bound x=1:5', 1),
    ('"(x-1)**2 + 10*(y-2)**2" --x 0 --y 0 --lr 0.01 --bound y=-1:1', 10),
    ('"x**2 + y**2" --x 1 --y 1 --lr 0.1 --bound x=-2:2', 0),
    ('"(x-3)**2" --x 0 --lr 0.1 --optimizer sgd --weight-decay 0.5', None),
    ('"(x-3)**2" --x 0 --lr 0.1 --optimizer adamw --weight-decay 0.1', None),
    ('"x**2" --x 100 --lr 0.1 --clip-norm 1', 0),
    ('"x**2 + 50*y**2" --x 9 --y 9 --lr 0.03 --clip-norm 1 --steps 400', 0),
    ('"x**2" --x 1 --lr 0', 0),
    ('"x**2 + y**2" --x 1 --y 1 --lr 0.1 --lr.y 0', 0),
    # Momentum.
    ('"x**2" --x 1 --optimizer sgd --momentum 0.9 --lr 0.1', 0),
    ('"x**2" --x 1 --optimizer sgd --momentum 0.99 --lr 0.01 --steps 300', 0),
    ('"x**2 + 25*y**2" --x 1 --y 1 --optimizer manual-momentum --momentum 0.4444 --lr 0.0555 --dtype float64', 0),
    ('"x**2" --x 1 --optimizer manual-momentum --momentum 0.25 --lr 0.125', 0),
    ('"x**2 + 25*y**2" --x 1 --y 1 --optimizer sgd --momentum 0.9 --nesterov --lr 0.03', 0),
    ('"x**2" --x 1 --optimizer sgd --momentum 1 --lr 0.1', 0),
    ('"x**2" --x 1 --optimizer sgd --momentum 0.9 --lr 2.1', 0),
    ('"x**2" --x 1 --optimizer sgd --momentum 0.9 --dampening 0.5 --lr 0.1', 0),
    # Other rules.
    ('"x**2 + 10*y**2" --x 1 --y 1 --optimizer lbfgs --lr 1 --steps 20', 0),
    ('"x**2 + 10*y**2" --x 1 --y 1 --optimizer lbfgs --opt line_search_fn=strong_wolfe --steps 50', 0),
    ('"x**4 + y**4" --x 1 --y 2 --optimizer lbfgs --opt line_search_fn=strong_wolfe --steps 50', 0),
    ('"x**2" --x 5 --optimizer adagrad --lr 0.1 --steps 300', 0),
    ('"x**2" --x 5 --optimizer adagrad --lr 1 --opt lr_decay=1 --steps 200', 0),
    ('"x**2 + 100*y**2" --x 5 --y 5 --optimizer adam --lr 0.01 --steps 200', 0),
    ('"x**2 + 100*y**2" --x 5 --y 5 --optimizer rmsprop --lr 0.1 --steps 200', 0),
    ('"x**2" --x 5 --optimizer rprop --lr 0.01', 0),
    ('"x**2" --x 5 --optimizer adadelta --lr 1 --steps 200', 0),
    # Units.
    (f"{_CELSIUS} --lr 0.001", None),
    (f"{_CELSIUS} --lr 0.005", None),
    (f"{_AREAS} --lr 1e-5 --steps 500", None),
    (f"{_AREAS} --lr 1e-5 --steps 500 --dtype float64", None),
    (f"{_AREAS} --lr 1e-4", None),
)
MADE = [Case(tuple(shlex.split(words)), None if lowest is None else float(lowest)) for words, lowest in _ROWS]
"""All of them."""
