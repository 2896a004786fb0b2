"""The loop of somebody's own script, watched: what it did, and what is wrong with it."""
