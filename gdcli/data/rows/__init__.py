"""Tables in files, read in batches of rows as often as wanted, in constant memory. No torch here."""
