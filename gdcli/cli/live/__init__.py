"""``--live``: a descent or a comparison on the terminal while it runs, controlled by keys."""
