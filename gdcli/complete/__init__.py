"""What a command does when little is said, and all that can be wrong with its words: a module a command. No torch."""
