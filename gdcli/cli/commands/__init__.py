"""The commands: a thin module each, imported when the command is used."""
