"""``--live``: a descent or a race on the terminal while it runs, with keys."""
