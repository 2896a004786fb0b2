"""Records in a notebook: how they show themselves, and the magics. IPython is imported by nothing but its extension."""
