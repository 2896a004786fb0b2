"""``python -m gdcli``."""

from gdcli.cli.main import main

main()
