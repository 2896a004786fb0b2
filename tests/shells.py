"""Shells in a pseudo-terminal, in which gdcli's completion is loaded: what the Tab key makes of a line."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from gdcli.cli.shell.answer import SCRIPTS

AT_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
# How each shell starts without the user's files, and there a key, Ctrl-T, that prints the line as it is.
STARTS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SETUPS = {
    "bash": r"""
PS1=
bind 'set enable-bracketed-paste off'
bind -x '"\C-t": printf "@@%s@@\n" "$READLINE_LINE"'
source SCRIPT
""",
    "zsh": r"""
PS1=
mkdir functions && cp SCRIPT functions/_gdcli
fpath=($PWD/functions $fpath)
autoload -Uz compinit && compinit -u -D
unset zle_bracketed_paste
shown() { print -r -- "@@$BUFFER@@" }
zle -N shown
bindkey '^T' shown
bindkey '^U' kill-whole-line
""",
    "fish": r"""
function fish_prompt; end
bind \ct 'echo "@@"(commandline)"@@"'
source SCRIPT
""",
}
PATIENCE = 60.0  # seconds; a machine may be busy


class Shell:
    """A shell at a terminal of its own, in ``folder``."""

    def __init__(self, name: str, folder: Path) -> None:
        programs = folder / "bin"
        programs.mkdir()
        program = programs / "gdcli"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gdcli "$@"\n')
        program.chmod(0o755)
        home = folder / "home"
        home.mkdir()
        root = str(Path(__file__).parent.parent)
        environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": root,
            "COLUMNS": "200",
        }
        ours, its = pty.openpty()
        self._ours = ours
        self._process = subprocess.Popen(
            [sys.executable, "-c", AT_TERMINAL, *STARTS[name]],
            stdin=its,
            stdout=its,
            stderr=its,
            cwd=folder,
            env=environment,
        )
        os.close(its)
        self._heard = ""
        script = Path(sys.modules["gdcli.cli.shell"].__path__[0]) / SCRIPTS[name]
        for line in [*SETUPS[name].strip().replace("SCRIPT", f"'{script}'").splitlines(), "echo re''ady"]:
            self._type(line + "\r")
        self._until(r"\bready\b")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def line_after(self, typed: str) -> str:
        """The line that the shell has when this has been typed."""
        self._heard = ""
        self._type(typed + "\x14")
        line = self._until(r"@@(.*?)@@")
        self._type("\x15")
        return line

    def _type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def _until(self, pattern: str) -> str:
        """What the first group of a pattern, or all of it, matches once the shell has printed it."""
        until = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self._heard, re.DOTALL)) is None:
            ready, _, _ = select.select([self._ours], [], [], max(0, until - time.monotonic()))
            assert ready, self._heard
            try:
                self._heard += os.read(self._ours, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(self._heard) from None
        return found[1] if found.lastindex else found[0]
