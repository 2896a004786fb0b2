"""The rows of the catalogue: what each rule is called, takes, computes, and how a script writes it. No torch here."""
