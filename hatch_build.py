"""Manual pages for the wheel, made from the help of the commands as it is built."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPages(BuildHookInterface):
    """Adds ``share/man/man1`` to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 -- "standard" or "editable"
        """Write the pages to a folder, and say where they belong."""
        sys.path.insert(0, self.root)
        from gdcli.cli.man import pages

        self._folder = tempfile.mkdtemp()
        for name, text in pages().items():
            path = Path(self._folder, name)
            path.write_text(text, encoding="utf-8")
            build_data["shared_data"][str(path)] = f"share/man/man1/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the folder."""
        shutil.rmtree(self._folder)
