"""What may stand at the end of a command line: commands, options and their values. No torch.

The options are those of the commands; what an option takes is read from the name of its value, and the names of rules,
problems, functions and findings from the tables that have them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from gdcli.cli.app import COMMANDS, load
from gdcli.cli.topics import TOPICS

_CHOICE = re.compile(r"[a-z][\w-]*")
_LAST_NAME = re.compile(r"(?<![\w.])(?:[^\W\d]\w*\.)*[^\W\d]\w*\Z")
_METHOD = re.compile(r"\.([^\W\d]\w*)\Z")
_FILES = {"FILE": "files", "FILE...": "files", "SCRIPT": "files", "MODEL": "files", "ARGS": "files", "DIR": "folders"}

Items = Iterable[tuple[str, str]]


class Candidates(NamedTuple):
    """What may follow the first ``skip`` characters of a word, each with a description."""

    kind: Literal["words", "open", "files", "folders", "nothing"] = "nothing"
    skip: int = 0
    items: Sequence[tuple[str, str]] = ()


def candidates(words: Sequence[str], word: str) -> Candidates:
    """What ``word``, which follows the whole ``words``, may become."""
    if not words or words[0] not in COMMANDS:
        if words:
            return Candidates()
        if word.startswith("-"):
            return _beginning(word, [("--version", "show the version"), ("--help", "show the help")])
        return _beginning(word, COMMANDS.items())
    return _Line(words[0], words[1:], word).candidates()


def _beginning(typed: str, items: Items, *, skip: int = 0, kind: Literal["words", "open"] = "words") -> Candidates:
    """The items that begin as typed."""
    found = [item for item in items if item[0].startswith(typed)]
    return Candidates(kind, skip, found) if found else Candidates()


class _Line:
    """The words of a command, the last one unfinished."""

    def __init__(self, command: str, words: Sequence[str], word: str) -> None:
        self.command = command
        self.word = word
        self.params = load(command).params
        self.options = {
            flag: param
            for param in self.params
            if param.param_type_name == "option"
            for flag in [*param.opts, *param.secondary_opts]
        }
        self.given: dict[str, str] = {}  # the last value of each option
        self.positional: list[str] = []
        self.waiting = ""  # the option, or variable, whose value comes next
        self.ended = False  # by --
        self._read(words)

    def _read(self, words: Sequence[str]) -> None:
        """Sort the whole words, as far as they tell what comes next."""
        several = ""
        for each in words:
            name, equals, value = each.partition("=")
            if self.waiting:
                self.given[self.waiting] = each
                several = self.waiting if self._metavar(self.waiting).endswith("...") else ""
                self.waiting = ""
            elif self.ended or not each.startswith("--"):
                if not several:
                    self.positional.append(each)
            elif each == "--":
                self.ended, several = True, ""
            else:
                several = ""
                self.given[name] = value
                if not equals and (self._metavar(name) or (name not in self.options and name != "--help")):
                    self.waiting = name
        if several:
            self.waiting = several

    def _metavar(self, flag: str) -> str:
        """The name of the value of an option; empty for a flag, and for what is no option."""
        param = self.options.get(flag)
        return "" if param is None or getattr(param, "is_flag", False) else str(param.metavar)

    def candidates(self) -> Candidates:
        """What the last word may become."""
        if self.waiting and not (self.word.startswith("--") and self._metavar(self.waiting).endswith("...")):
            return self._of_value(self.waiting, 0)
        runs_script = self.command == "watch" and self.positional
        if self.word.startswith("-") and not self.ended and not runs_script:
            name, equals, _ = self.word.partition("=")
            if not equals:
                return self._of_options()
            return self._of_value(name, len(name) + 1)
        return self._of_argument()

    def _of_options(self) -> Candidates:
        """The options that are not given yet, those of variables first; ``--no-`` ones where that is typed."""
        from gdcli.lang.suggest import NAME

        items = []
        if "--var" in self.options:
            items += [(f"--{name}", f"value of {name}") for name in self._variables() if re.fullmatch(NAME, name)]
        for flag, param in self.options.items():
            negative = flag in param.secondary_opts
            if negative and not self.word.startswith("--no"):
                continue
            if flag not in self.given or getattr(param, "multiple", False):
                items.append((flag, param.help or ""))
        items.append(("--help", "show this help"))
        return _beginning(self.word, items)

    def _of_value(self, flag: str, skip: int) -> Candidates:
        """The value of an option or a variable, which begins after ``skip`` characters of the word."""
        typed, metavar = self.word[skip:], self._metavar(flag)
        if flag not in self.options or metavar.startswith("NAME=VALUE"):
            return Candidates("files", skip + 1) if typed.startswith("@") else self._of_pair(flag, typed, skip)
        if metavar in _FILES:
            return Candidates(_FILES[metavar], skip)  # type: ignore[arg-type]
        if metavar.startswith(("NAME=", "RULE.NAME=")):
            return self._of_pair(flag, typed, skip)
        choices = self._choices(flag, metavar)
        if metavar in ("NAMES", "FINDINGS"):
            *before, last = typed.split(",")
            chosen = [(name, text) for name, text in choices if name not in before]
            return _beginning(last, chosen, skip=skip + len(typed) - len(last))
        return _beginning(typed, choices, skip=skip)

    def _choices(self, flag: str, metavar: str) -> Items:
        if flag in _VALUES:
            return _VALUES[flag]()
        if metavar == "NAMES":
            return [(name, "") for name in self._variables()]
        if "|" in metavar:
            return [(part, "") for part in metavar.split("|") if _CHOICE.fullmatch(part)]
        return []

    def _of_pair(self, flag: str, typed: str, skip: int) -> Candidates:
        """The name in ``NAME=VALUE``: a parameter of the rule or the schedule, or a variable."""
        if "=" in typed or flag not in self.options:
            return Candidates()
        from gdcli.rules.catalogue import RULES, SCHEDULES
        from gdcli.rules.parameters import ALL_OWN

        if flag == "--opt":
            rules = self._chosen("--optimizer", RULES)
            prefix = self._metavar(flag).startswith("RULE.")
            names = {
                f"{rule}.{name}" if prefix else name: f"parameter of {rule}"
                for rule in reversed(rules)
                for name in RULES[rule].parameters
                if name not in (("maximize",) if prefix else ALL_OWN)
            }
        elif flag == "--sched":
            names = {}
            for schedule in self._chosen("--schedule", SCHEDULES):
                names |= dict.fromkeys(SCHEDULES[schedule].parameters, f"parameter of {schedule}")
        else:
            names = dict.fromkeys(self._variables(), "variable")
            if flag == "--over":
                names |= {"lr": "learning rate", "seed": "seed of the random number generator"}
                for rule in self._chosen("--optimizer", RULES) if "--optimizer" in self.given else ["manual"]:
                    own = [name for name in RULES[rule].parameters if name != "maximize"]
                    names |= dict.fromkeys(own, f"parameter of {rule}")
        return _beginning(typed, [(f"{name}=", text) for name, text in names.items()], skip=skip, kind="open")

    def _chosen(self, flag: str, known: Mapping[str, Any]) -> list[str]:
        """What an option chooses; all that it may, where it is not given."""
        from gdcli.contract.choices import choice_of

        chosen = [choice_of(name, list(known)) for name in self.given.get(flag, "").split(",")]
        return [name for name in chosen if name is not None] or list(known)

    def _variables(self) -> Sequence[str]:
        """The variables of the expression or the problem that has been typed."""
        from gdcli.cli.quotes import variables_of
        from gdcli.lang.problems import PROBLEMS

        found: dict[str, None] = {}
        for text in self.positional:
            problem = PROBLEMS.get(text)
            found |= dict.fromkeys(problem.start if problem else variables_of(text) or ())
        return list(found)

    def _of_argument(self) -> Candidates:
        """What is typed without an option: an expression, the name of a problem or a command, files."""
        arguments = [param for param in self.params if param.param_type_name == "argument"]
        at = min(len(self.positional), len(arguments) - 1)
        if at < 0 or (len(self.positional) >= len(arguments) and arguments[-1].nargs == 1):
            return Candidates() if self.word or self.ended else self._of_options()
        metavar = arguments[at].metavar
        if metavar in _FILES:
            return Candidates(_FILES[metavar])  # type: ignore[arg-type]
        if metavar == "EXPR":
            return self._of_expression("--dim" in self.options)
        if self.command in _ARGUMENTS:
            return _beginning(self.word, _ARGUMENTS[self.command]())
        return Candidates()

    def _of_expression(self, takes_problems: bool) -> Candidates:
        """The name of a problem, or a name at the end of an expression as the function that it may become."""
        from gdcli.lang.functions import FUNCTIONS, METHODS, SPELLINGS

        problems = _beginning(self.word, _problems() if takes_problems else ())
        if problems.items:
            return problems
        tail = _LAST_NAME.search(self.word)
        name = tail[0] if tail else ""
        if method := _METHOD.search(self.word):
            found = _beginning(name, _helped(SPELLINGS), skip=len(self.word) - len(name), kind="open")
            if found.items and name:
                return found
            return _beginning(method[1], _helped(METHODS), skip=len(self.word) - len(method[1]), kind="open")
        if not name:
            return Candidates()
        return _beginning(name, _helped(FUNCTIONS), skip=len(self.word) - len(name), kind="open")


def _helped(functions: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, row.help) for name, row in functions.items()]


def _problems() -> Items:
    from gdcli.lang.problems import PROBLEMS

    return [(name, problem.title) for name, problem in PROBLEMS.items()]


def _functions() -> Items:
    from gdcli.lang.functions import FUNCTIONS

    return _helped(FUNCTIONS)


def _rules() -> Items:
    from gdcli.rules.catalogue import RULES

    return [(name, row.path or row.formula) for name, row in RULES.items()]


def _schedules() -> Items:
    from gdcli.rules.catalogue import SCHEDULES

    return [("none", "a constant rate"), *((name, row.path) for name, row in SCHEDULES.items() if name != "none")]


def _findings() -> Items:
    from gdcli.complete.watch import ANY, FINDINGS
    from gdcli.contract.diagnosis import MEANINGS

    texts = {ANY: "any of them"} | {str(code): text for code, text in MEANINGS.items()}
    return [(name, texts.get(name, "")) for name in (ANY, *FINDINGS)]


def _records() -> Items:
    from gdcli.contract.records import RECORDS

    return [(name, COMMANDS[name]) for name in RECORDS]


def _shells() -> Items:
    from gdcli.cli.shell.answer import SCRIPTS

    return [(name, "") for name in SCRIPTS]


_VALUES: dict[str, Callable[[], Items]] = {
    "--optimizer": _rules,
    "--racer": _rules,
    "--schedule": _schedules,
    "--fail-on": _findings,
}
"""The values of the options whose choices are in a table."""
_ARGUMENTS: dict[str, Callable[[], Items]] = {
    "functions": _functions,
    "help": lambda: [*COMMANDS.items(), *((name, title) for name, (title, _) in TOPICS.items())],
    "optimizers": lambda: [*_rules(), *_schedules()],
    "problems": _problems,
    "completion": _shells,
    "schema": _records,
}
"""The names that a command takes."""
