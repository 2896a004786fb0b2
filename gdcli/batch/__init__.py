"""Many descents at once: runs of one rule on one objective, from starts and with parameters that differ."""
