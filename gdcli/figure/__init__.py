"""What a picture of a descent shows: one model, computed once, that every target draws."""
