"""Completion of command lines in bash, zsh, fish and PowerShell."""

ASKS = "_GDCLI_COMPLETE"
"""The variable of the environment by which a shell asks, and says which one it is."""
