"""Work in a fork that ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.embedded import forkserver
from hub.living import is_gone
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(not forkserver.is_possible(), reason="no forks on this system")


def program(text: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python program of its own: a fork of this process would carry its threads' locks."""
    words = [sys.executable, "-c", f"from hub.embedded.apart import Apart\n{text}", *arguments]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("work", "code", "words"),
    [("0", 0, ""), ("3", 3, ""), ("1 // 0", 1, "ZeroDivisionError")],
)
def test_its_end_is_the_programs(work: str, code: int, words: str) -> None:
    with program(f"Apart(lambda: {work}).finish()\nprint('went on')") as running:
        out, err = running.communicate(timeout=30)
    assert running.returncode == code
    assert ("went on" in out) == (code == 0)
    assert words in err


def test_what_it_imports_is_gone_with_it() -> None:
    text = """
import sys
def work():
    import wave
    return int("wave" not in sys.modules)
Apart(work).finish()
print("wave" in sys.modules)
"""
    with program(text) as running:
        assert running.communicate(timeout=30)[0] == "False\n"


def test_it_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    text = """
import os, pathlib, sys, time
def work():
    pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
    time.sleep(600)
    return 0
Apart(work).finish()
"""
    note = tmp_path / "pid"
    with program(text, str(note)) as running:
        wait_until(lambda: note.exists() and note.read_text() != "", 20, "the work")
        name = f"{os.uname().nodename}-{note.read_text()}"
        assert not is_gone(name)
        running.send_signal(signal.SIGKILL)
        wait_until(lambda: is_gone(name), 20, "the end of the work")
