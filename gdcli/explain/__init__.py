"""Why a gradient is what it is: the tape, the formula, the curvature, the check."""
