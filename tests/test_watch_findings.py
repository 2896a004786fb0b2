"""The findings of watch: every fault of tests/loops/faulty at its line, and none in tests/loops/sound."""

from __future__ import annotations

import re
import runpy
import warnings
from pathlib import Path

import pytest

from gdcli.contract.watch import WatchFinding
from gdcli.watch.findings.find import find
from gdcli.watch.recorder import Recorder
from gdcli.watch.seen import WatchedScript

LOOPS = Path(__file__).parent / "loops"
FAULTY = sorted((LOOPS / "faulty").glob("*.py"))
SOUND = sorted((LOOPS / "sound").glob("*.py"))
_MARK = re.compile(r"# fault: (\S+)$", re.MULTILINE)


def watched(path: Path) -> WatchedScript:
    """What is seen of a script, in this process; an error that ends it is part of that."""
    recorder = Recorder()
    recorder.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runpy.run_path(str(path), run_name="__main__")
    except Exception as error:  # noqa: BLE001 -- faulty scripts raise whatever they raise
        recorder.failed(error)
    finally:
        recorder.stop()
    assert recorder.errors == []
    return recorder.seen


def findings_of(text: str, path: Path) -> list[WatchFinding]:
    """The findings about a script of this text."""
    path.write_text(text)
    return find(watched(path))


@pytest.mark.slow
@pytest.mark.parametrize("path", FAULTY, ids=lambda path: path.stem)
def test_fault_is_found_at_its_line(path: Path) -> None:
    text = path.read_text()
    (mark,) = _MARK.finditer(text)
    found = find(watched(path))
    assert [(each.code, each.file, each.line) for each in found] == [
        (mark[1], str(path), text.count("\n", 0, mark.start()) + 1)
    ]
    assert found[0].message
    assert found[0].change


@pytest.mark.slow
@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_sound_loop_has_no_finding(path: Path) -> None:
    assert find(watched(path)) == []


def test_corpus_has_both_versions_of_most_faults() -> None:
    assert len(FAULTY) >= 60
    assert len(SOUND) >= 40
    stems = {path.stem for path in FAULTY}
    by_hand = {stem.removesuffix("_manual") for stem in stems if stem.endswith("_manual")}
    by_optimizer = {stem.removesuffix("_optimizer") for stem in stems if stem.endswith("_optimizer")}
    assert len(by_hand & by_optimizer) >= 28
