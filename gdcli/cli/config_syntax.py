"""What is wrong with the syntax of a config: the place, and how to write it. A correction of TOML is parsed first."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator

import msgspec

from gdcli.errors import ExpressionError
from gdcli.lang.suggest import QUOTES

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")
_BYTE = re.compile(r" \(byte (\d+)\)")
_ABOUT_A_WORD = ("invalid character", "invalid number", "object keys must be strings")
_LITERALS = {"true": "true", "false": "false", "none": "null", "nil": "null", "undefined": "null"}
_QUOTED = re.compile(rf"['`{QUOTES}]([^'`{QUOTES}\n\"]*)['`{QUOTES}]?")
_STATEMENT = re.compile(r"(\s*[\w.\"'-]+\s*)(==?|:)(\s*)(.*?)\s*")
_SEVERAL = re.compile(r"[^=]*=.*\S\s*[;,]?\s+[\w.-]+\s*=(?!=).*")
_CLOSES = {"{": "}", "[": "]"}


def syntax_error(path: str, content: bytes, error: ValueError | RecursionError, *, toml: bool) -> ExpressionError:
    """The error for a config that is not TOML or JSON, with its line and a caret where the place is known."""
    text = content.decode(errors="replace")
    kind = "TOML" if toml else "JSON"
    start = f"the config {path} is not {kind}: "
    if isinstance(error, RecursionError) or type(error) is ValueError:  # Python's own message is not about the file
        what = "it is nested too deeply" if isinstance(error, RecursionError) else "a number in it is too long"
        return _at(start + what, "", "", (0, 0))
    if text.encode() != content:
        return _at(f"{start}it is not text in UTF-8", "save it as UTF-8", "", (0, 0))
    if other := _other_kind(text, toml=toml):
        return _at(start + _sentence(error), other, "", (0, 0))
    what, hint, place, end = (_in_toml if toml else _in_json)(text, error)
    return _on_line(start + what, hint, text, (place, end))


def check_keys_once(path: str, text: str) -> None:
    """Check that no object in a JSON text gives a key twice: a decoder keeps the last value, and says nothing.

    Raises:
        ExpressionError: for the first key that is there twice, with its line where no other object has such a key.
    """
    twice: list[str] = []

    def keys(pairs: list[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                twice.append(key)
            seen.add(key)

    with contextlib.suppress(ValueError, RecursionError):  # a text that msgspec reads, and Python does not
        json.loads(text, object_pairs_hook=keys, parse_int=str)
    if not twice:
        return
    message = f"'{twice[0]}' is given twice in the config {path}"
    places = list(re.finditer(rf"{re.escape(json.dumps(twice[0], ensure_ascii=False))}\s*:", text))
    if len(places) != 2:
        raise _at(message, "keep one of them", "", (0, 0))
    raise _on_line(message, "keep one of them", text, (places[1].start(), places[1].end() - 1))


def _on_line(message: str, hint: str, text: str, span: tuple[int, int]) -> ExpressionError:
    """The error at a piece of the text: its line, with a caret."""
    place, end = span
    first = text.rfind("\n", 0, place) + 1
    line = text[first:].partition("\n")[0].rstrip("\r")
    shown = (place - first, max(place - first + 1, min(end - first, len(line))))
    where = f" (at line {text.count(chr(10), 0, place) + 1}, column {place - first + 1})"
    return _at(message + where, hint, line, shown)


def _at(message: str, hint: str, line: str, span: tuple[int, int]) -> ExpressionError:
    return ExpressionError("config", message, hint, source=line, span=span)


def _sentence(error: ValueError) -> str:
    return str(error).removeprefix("JSON is malformed: ")


def _other_kind(text: str, *, toml: bool) -> str:
    """The hint at a file that is TOML or JSON, but not the one that its name says; empty for another."""
    import tomllib

    try:
        if toml:
            msgspec.json.decode(text)
            return "the name of a JSON file must not end in .toml"
        if not text.strip() or not tomllib.loads(text):
            return ""
    except (ValueError, RecursionError):
        return ""
    return "the name of a TOML file must end in .toml"


def _in_json(text: str, error: ValueError) -> tuple[str, str, int, int]:
    """What is wrong, a hint, and the characters of the text that it is about."""
    sentence = _sentence(error)
    byte = _BYTE.search(sentence)
    if byte is None:
        what = sentence.partition(" - at ")[0]
        is_number = what.endswith("out of range")
        return (what[:1].lower() + what[1:], "write a smaller number", 0, 1) if is_number else _unfinished(text)
    what = _BYTE.sub("", sentence)
    place = len(text.encode()[: int(byte[1])].decode(errors="ignore"))
    rest = text[place:]
    if what.startswith("trailing comma"):
        comma = text.rindex(",", 0, place)
        return what, "leave out the comma", comma, comma + 1
    if rest.startswith(("//", "/*", "#")):
        hint = "leave it out; a TOML file can have comments, after #"
        return "JSON has no comments", hint, place, place + len(rest.partition("\n")[0])
    if quoted := _QUOTED.match(rest):
        return "a string stands in double quotation marks", f'write "{quoted[1]}"', place, place + quoted.end()
    if rest[:1] in ("\n", "\r") and "character" in what:
        return "a string is not closed in its line", 'close it with "', place - 1, place
    if "':'" in what:
        return "a name and its value have no : between them", 'for example: {"lr": 0.1}', place, place + 1
    if place == len(text) - len(text.lstrip()):
        return "a config begins with {", 'for example: {"lr": 0.1}', place, place + 1
    word, begin = _word(text, place)
    if word and (what in _ABOUT_A_WORD or (what.startswith("expected") and begin < place < begin + len(word))):
        return *_of_word(word), begin, begin + len(word)
    if what.startswith("expected ','"):
        hint = "write a comma" if rest[:1] == ";" else "put a comma before it"
        return "there is no comma between two entries", hint, place, place + 1
    return what, 'for example: {"lr": 0.1}', place, place + 1


def _word(text: str, place: int) -> tuple[str, int]:
    """The word without quotation marks that a place is in or right behind, and where it begins."""
    begin = place
    while begin and re.match(r"[\w.+*/^-]", text[begin - 1]):
        begin -= 1
    return re.split(r"[,;}\]:\n\"]", text[begin:], maxsplit=1)[0].strip(), begin


def _of_word(word: str) -> tuple[str, str]:
    """What is wrong with a word without quotation marks, and a hint."""
    if word.lstrip("+-").lower() in ("nan", "inf", "infinity"):
        return f"JSON has no {word}", "leave the setting out"
    if literal := _LITERALS.get(word.lower()):
        return f"JSON writes {word} as {literal}", f"write {literal}"
    try:
        return f"JSON does not write a number as {word}", f"write {repr(float(word)).removesuffix('.0')}"
    except ValueError:
        if word[0].isdigit():
            return f"{word} is no number", 'a string stands in double quotation marks: {"lr": "auto"}'
        return "a string stands in double quotation marks", f'write "{word}"'


def _unfinished(text: str) -> tuple[str, str, int, int]:
    """The same, for a text that ends too early."""
    end = len(text.rstrip())
    if not end:
        return "it is empty", 'for example: {"lr": 0.1}', 0, 1
    missing: list[str] = []
    parts = re.split(r'("(?:[^"\\]|\\.)*"?)', text.rstrip())
    for part in parts[::2]:
        for letter in part:
            if letter in _CLOSES:
                missing.append(_CLOSES[letter])
            elif letter in _CLOSES.values() and missing:
                missing.pop()
    if len(parts) > 1 and not parts[-1] and not re.fullmatch(r'"(?:[^"\\]|\\.)*"', parts[-2]):
        missing.append('"')
    return "it ends too early", f"close it with {''.join(reversed(missing))}" * bool(missing), end - 1, end


def _in_toml(text: str, error: ValueError) -> tuple[str, str, int, int]:
    """What is wrong, a hint, and the characters of the text that it is about."""
    found = _PLACE.search(str(error))
    what = _PLACE.sub("", str(error))
    what = what[:1].lower() + what[1:]
    lines = text.split("\n")
    number = int(found[1]) - 1 if found and found[1] else len(text.rstrip().split("\n")) - 1
    first = sum(len(line) + 1 for line in lines[:number])
    line = lines[number].rstrip("\r")
    column = min(int(found[2]) - 1, len(line)) if found and found[2] else 0
    statement = _STATEMENT.fullmatch(line)
    if statement and what.startswith("cannot overwrite"):
        return f"'{statement[1].strip()}' is given twice", "keep one of them", first, first + len(line)
    if what.startswith("cannot declare"):
        return f"the table {line.strip()} is there twice", "keep one of them", first, first + len(line)
    if line.lstrip().startswith(("//", ";", "--", "%")):
        return "a comment begins with #", f"write # {line.strip(' /;-%')}", first, first + len(line)
    if statement and statement[4] == "None":
        return "TOML has no None", "leave the setting out", first + statement.start(4), first + len(line)
    if _SEVERAL.fullmatch(line):
        return "a line has one setting", "put each on a line of its own", first + column, first + len(line)
    better = next((each for each in _corrections(line) if _is_toml(each)), "")
    if statement and column >= statement.start(3) - 1:
        column = statement.start(4) if statement[2] == "=" else statement.start(2)
    hint = f"write {better}" if better else 'for example: lr = 0.1, and expression = "x**2"'
    return what, hint, first + column, first + max(len(line), column + 1)


def _corrections(line: str) -> Iterator[str]:
    """The line as it may have been meant, most likely first."""
    statement = _STATEMENT.fullmatch(line)
    if statement is None:
        yield line.strip() + "]"
        return
    name, value = statement[1].strip(), statement[4]
    yield f"{name} = {value}"
    yield f"{name} = {value.lower()}"
    plain = value.rstrip(",; ")
    yield f"{name} = {plain}"
    yield f"{name} = {re.split('//|;', value)[0].strip()}"
    with contextlib.suppress(ValueError):
        yield f"{name} = {float(plain)!r}"
    for straight in (re.sub(f"[{QUOTES}]", '"', value), value + value[:1], value[-1:] + value):
        if straight[:1] in ('"', "'") and straight != value:
            yield f"{name} = {straight}"
    yield f"{name} = {value}{_CLOSES.get(value[:1], '')}"
    if plain and not re.search(r"[\"'\\]", plain):
        yield f'{name} = "{plain}"'


def _is_toml(line: str) -> bool:
    import tomllib

    try:
        tomllib.loads(line)
    except ValueError:
        return False
    return True
