"""The lines of a script that take a batch of rows in each iteration."""

from __future__ import annotations

from gdcli.codegen.rules import LoopNames
from gdcli.codegen.script import WIDTH, Script, broken
from gdcli.complete.batches import batched
from gdcli.contract.descent import FitLinearSettings, MinimizeSettings


class BatchLines:
    """The batches of ``descent/batches.py`` in a script; no lines without ``--batch``."""

    def __init__(self, script: Script, settings: MinimizeSettings | FitLinearSettings, names: LoopNames) -> None:
        self.settings = settings
        self.loop = names
        data = batched(settings) if isinstance(settings, MinimizeSettings) else []
        self.data = [script.names[name] for name in data]
        self.whole = [script.new_name(f"all_{name}") for name in self.data]
        self.batches, self.batch = script.new_name("batches"), script.new_name("batch")
        self.generator = script.new_name("generator")

    def setup(self) -> list[str]:
        """All rows under other names, and the order in which they are taken."""
        if not self.data:
            return []
        lines = [f"{', '.join(self.whole)} = {', '.join(self.data)}"]
        if self._shuffles:
            lines.append(f"{self.generator} = torch.Generator().manual_seed({self.settings.seed})")
        return [*lines, f"{self.batches} = []"]

    def draw(self) -> list[str]:
        """The rows of an iteration: those of the next batch, and all of them after the last update."""
        if not self.data:
            return []
        count = f"len({self.whole[0]})"
        order = f"torch.randperm({count}, generator={self.generator})" if self._shuffles else f"torch.arange({count})"
        size = getattr(self.settings, "batch_size", 0)
        taken = ", ".join(f"{whole}[{self.batch}]" for whole in self.whole)
        return [
            f"if {self.loop.i} == {self.loop.steps}:  # the loss at the end is that of all rows",
            f"    {', '.join(self.data)} = {', '.join(self.whole)}",
            "else:",
            f"    if not {self.batches}:  # all rows have been taken: the next epoch",
            *(f"        {line}" for line in broken(f"{self.batches} = list({order}.split({size}))", WIDTH - 12)),
            f"    {self.batch} = {self.batches}.pop(0)",
            f"    {', '.join(self.data)} = {taken}",
        ]

    @property
    def _shuffles(self) -> bool:
        return getattr(self.settings, "shuffle", None) is True
