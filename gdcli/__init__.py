"""gdcli."""
