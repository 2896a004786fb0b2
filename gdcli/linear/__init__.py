"""The linear layer: its objective, and what can go wrong with its activation."""
