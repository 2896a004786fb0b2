"""``fit-linear`` with data from files: the columns of X, the exact answer, its statistics."""
