"""What a shell's script asks when the completion key is pressed, and the lines that it is answered.

The script of each shell starts gdcli with ``_GDCLI_COMPLETE``, the name of the shell. The words up to the cursor are
its arguments in zsh and fish; bash and PowerShell give the text before the cursor in ``_GDCLI_LINE``. The first line of
the answer is "KIND SKIP", then follow the candidates, a line each: the text, a tab, and a description.

- KIND is "words"; "open" where a candidate is not yet the whole word, so that no space and no quotation mark may follow
  it; "files" or "folders", which the shell completes by itself; or "nothing".
- SKIP is the number of characters at the beginning of the word that candidates are about what follows of. zsh wants
  candidates without them, fish and PowerShell with them, and bash what follows its own last break of a word.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gdcli.cli.shell import ASKS

SCRIPTS = {"bash": "gdcli.bash", "zsh": "gdcli.zsh", "fish": "gdcli.fish", "powershell": "gdcli.ps1"}
"""The file of the script of each shell."""
_MARK = "\0"  # no word of a command line can have it


class Typed(NamedTuple):
    """A command line up to the cursor: its whole words, the last one as far as it is typed, and its open quote."""

    words: list[str]
    word: str
    quote: str = ""


def answer(environment: Mapping[str, str], arguments: Sequence[str]) -> None:
    """Print the answer for a shell; nothing where something is wrong, since it would appear in the prompt."""
    shell = environment[ASKS]
    if shell not in SCRIPTS or (typed := _typed(shell, environment, arguments)) is None:
        return
    from gdcli.cli.shell.candidates import candidates

    found = candidates(typed.words, typed.word)
    if found.kind == "open" and len(found.items) == 1 and (shell == "fish" or (shell == "bash" and typed.quote)):
        text, description = found.items[0]
        if text[-1].isalnum():  # a second candidate, so that the shell adds no space and no quotation mark
            found = found._replace(items=[(text, description), (f"{text}(", description)])
    before = "" if shell == "zsh" else typed.word[: found.skip]
    own = environment.get("_GDCLI_WORD", typed.word).lstrip("'\"")  # what bash replaces
    cut = len(typed.word) - len(own) if shell == "bash" and typed.word.endswith(own) else 0
    lines = [f"{found.kind} {found.skip}"]
    for text, description in found.items:
        shown = "" if shell == "bash" else "\t" + " ".join(description.split())
        lines.append((before + text)[cut:] + shown)
    sys.stdout.write("\n".join(lines) + "\n")


def _typed(shell: str, environment: Mapping[str, str], arguments: Sequence[str]) -> Typed | None:
    """The command line without the name of the program; None where it cannot be read."""
    if shell in ("bash", "powershell"):
        found = split(environment.get("_GDCLI_LINE", ""), escape="`" if shell == "powershell" else "\\")
        return found and Typed(found.words[1:], found.word, found.quote)
    if shell == "zsh":  # it has taken the quotation marks away
        return Typed(list(arguments[:-1]), arguments[-1] if arguments else "")
    last = split(arguments[-1] if arguments else "")
    return last and Typed(list(arguments[:-1]), last.word, last.quote)


def split(line: str, escape: str = "\\") -> Typed | None:
    """A line up to the cursor as a shell splits it; None where it cannot be read."""
    for quote in ("", '"', "'"):
        lexer = shlex.shlex(line + _MARK + quote, posix=True)
        lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", escape
        try:
            *words, last = lexer
        except ValueError:  # a quotation mark is open
            continue
        if last.endswith(_MARK):
            return Typed(words, last.removesuffix(_MARK), quote)
    return None
