"""Running gdcli in a test: in this process, or in one of its own; every JSON document is checked against its schema."""

from __future__ import annotations

import functools
import gc
import io
import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias
from unittest import mock

import jsonschema
import pytest

# Before anything imports torch: workers of pytest that share cores wait long for each other's threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from forks import ENVIRONMENT, Piped

from gdcli.cli.main import run as run_words

if TYPE_CHECKING:
    from tests.browser import Browser


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code, and all that it printed."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one JSON document on standard output, checked against ``gdcli schema``."""
        assert self.out.count("\n") == 1, self.out
        return self.lines()[0]

    def lines(self) -> list[Any]:
        """The JSON of each line of standard output, each checked against ``gdcli schema``."""
        assert self.out.endswith("\n"), self.out
        return [document(line) for line in self.out.removesuffix("\n").split("\n")]


Run: TypeAlias = Callable[..., Outcome]


def document(text: str) -> Any:
    """Strict JSON (no NaN, no Infinity) that fits the schema that gdcli prints."""
    _fits(text)
    return json.loads(text)


@functools.lru_cache(maxsize=32)  # a test may read the same output more than once
def _fits(text: str) -> None:
    value = json.loads(text, parse_constant=_not_json)
    error = jsonschema.exceptions.best_match(_validator().iter_errors(value))
    assert error is None, f"{error.message} at {error.json_path}: {text[:500]}"


def _not_json(word: str) -> NoReturn:
    raise AssertionError(f"{word} is not JSON")


@functools.cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(json.loads(in_process("schema").out))  # test_records.py checks the schema


def in_process(*words: str, stdin: str = "", encoding: str = "utf-8", env: Mapping[str, str] | None = None) -> Outcome:
    """Run ``gdcli WORDS`` in this process, with streams of its own and warnings as a user sees them."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding, newline="") for _ in range(2)]
    source = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    with (
        redirect_stdout(streams[0]),
        redirect_stderr(streams[1]),
        mock.patch("sys.stdin", source),
        mock.patch.dict(os.environ, {**ENVIRONMENT, **(env or {})}),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")
        code = run_words(list(words))
    out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)
    return Outcome(code, out, err)


def codes(record: Any) -> list[str]:
    """The codes of the findings about a run."""
    return [finding.code for finding in record.diagnosis]


def find(record: Any, code: str) -> Any:
    """The finding with this code, which must be there."""
    found = [finding for finding in record.diagnosis if finding.code == code]
    assert found, codes(record)
    return found[0]


def in_a_process(*words: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Outcome:
    """Run ``gdcli WORDS`` in a process of its own, with no terminal."""
    with Piped(*words, env=env) as process:
        return Outcome(*process.ended(stdin))


# Who takes one of these fixtures starts a process.
STARTS = {"gdcli_process": "process", "live": "process", "browser": "browser"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; its tabs are shared by the tests of a module."""
    from tests.browser import CHROMIUM, Browser

    if CHROMIUM is None:
        pytest.skip("needs chromium")
    with Browser() as started:
        yield started


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    """Mark the tests that start a process through a fixture; workers begin with the files that take longest."""
    for item in items:
        for fixture in STARTS.keys() & set(item.fixturenames):
            item.add_marker(STARTS[fixture])
    if hasattr(config, "workerinput"):  # of pytest-xdist
        slow = {(item.path, item.function.__name__) for item in items if item.get_closest_marker("slow")}
        functions = Counter(path for path, _ in slow)
        items.sort(key=lambda item: -functions[item.path])


def pytest_configure(config: pytest.Config) -> None:
    """Have pytest-xdist keep this order: files with many tests are not those that take longest."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False
    gc.disable()  # what is imported and collected stays: torch, and thousands of tests


def pytest_collection_finish() -> None:
    """Look for garbage from now on, but not among what has been made so far."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def run() -> Run:
    """Run gdcli in this process: ``run("grad", "x**2", "--x", "3")``."""
    return in_process


@pytest.fixture(scope="session")
def gdcli_process() -> Run:
    """Run gdcli in a process of its own, for what needs one: signals, pipes, imports, memory."""
    return in_a_process
