"""``python -m gdcli``, and the program ``gdcli``."""

from __future__ import annotations

from typing import NoReturn

from gdcli.cli.last_words import take_signals


def main() -> NoReturn:
    """Run the command line and end the process."""
    take_signals()  # before anything that takes long to import
    from gdcli.cli.main import main as run_and_end

    run_and_end()


if __name__ == "__main__":
    main()
