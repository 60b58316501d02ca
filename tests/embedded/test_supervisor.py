"""Children are started in order, started again when they die, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.embedded import supervisor as module
from hub.embedded.child import Child
from hub.embedded.supervisor import Supervisor
from tests.embedded.conftest import Heard
from tests.support.waiting import wait_until

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")
#: Writes its pid to a file, and a line to another when it is told to end.
TELLER = """
import os, signal, sys, time
def end(*_):
    with open(sys.argv[2], "a") as file:
        file.write(sys.argv[3] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(os.getpid()))
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""


def teller(folder: Path, name: str, *, foundation: bool = False) -> Child:
    """A child that can be asked whether it is there and in which order it ended."""
    command = (sys.executable, "-c", TELLER, str(folder / f"{name}.pid"), str(folder / "ended"))
    ready = (folder / f"{name}.pid").exists
    return Child(name, (*command, name), ready=ready, foundation=foundation)


def pid_of(folder: Path, name: str) -> int:
    return int((folder / f"{name}.pid").read_text())


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def supervise(children: list[Child], folder: Path, console: Heard) -> Supervisor:
    environment = {"PATH": os.environ["PATH"]}
    return Supervisor(
        children, home=folder, environment=environment, folder=folder, console=console
    )


def test_killed_child_is_started_again(tmp_path: Path, console: Heard) -> None:
    supervisor = supervise([teller(tmp_path, "one")], tmp_path, console)
    seen: list[int] = []

    def scenario() -> None:
        seen.append(pid_of(tmp_path, "one"))
        os.kill(seen[0], signal.SIGKILL)
        wait_until(lambda: pid_of(tmp_path, "one") != seen[0], 10, "the restart")
        seen.append(pid_of(tmp_path, "one"))
        supervisor.stop()

    assert supervisor.run(scenario) == 0
    assert len(set(seen)) == 2
    assert "«one» stopped (code -9)" in console.text
    assert not any(lives(pid) for pid in seen)


def test_grandchildren_of_a_killed_child_go_too(tmp_path: Path, console: Heard) -> None:
    script = "sleep 600 & echo $! > pid.new; mv pid.new pid; wait"
    child = Child("shell", ("/bin/sh", "-c", script), ready=(tmp_path / "pid").exists)
    supervisor = supervise([child], tmp_path, console)

    def scenario() -> None:
        first = int((tmp_path / "pid").read_text())
        os.kill(os.getpgid(first), signal.SIGKILL)
        wait_until(lambda: not lives(first), 10, "the end of the grandchild")
        supervisor.stop()

    assert supervisor.run(scenario) == 0


def test_stop_ends_in_reverse_order_and_the_foundation_last(tmp_path: Path, console: Heard) -> None:
    children = [teller(tmp_path, "base", foundation=True), teller(tmp_path, "user")]
    supervisor = supervise(children, tmp_path, console)
    assert supervisor.run(lambda: supervisor.stop(3)) == 3
    assert (tmp_path / "ended").read_text().split() == ["user", "base"]


def test_signal_ends_everything(tmp_path: Path, console: Heard) -> None:
    before = signal.getsignal(signal.SIGTERM)
    supervisor = supervise([teller(tmp_path, "one")], tmp_path, console)
    assert supervisor.run(lambda: os.kill(os.getpid(), signal.SIGTERM)) == 0
    assert (tmp_path / "ended").read_text().split() == ["one"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_child_that_will_not_end_is_killed(
    tmp_path: Path, console: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.5)
    script = (
        "import pathlib, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path('deaf').touch()\n"
        "time.sleep(600)"
    )
    child = Child("deaf", (sys.executable, "-c", script), ready=(tmp_path / "deaf").exists)
    supervisor = supervise([child], tmp_path, console)
    assert supervisor.run(supervisor.stop) == 0
    assert supervisor._children[0].process is None


def test_child_that_does_not_start_is_named_with_its_log(tmp_path: Path, console: Heard) -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('no such luck')")
    after = teller(tmp_path, "after")
    supervisor = supervise([Child("bad", command, ready=lambda: False), after], tmp_path, console)
    assert supervisor.run() == 1
    assert "«bad» did not start" in console.text
    assert "no such luck" in console.text
    assert not (tmp_path / "after.pid").exists()


def test_what_runs_beside_and_fails_ends_the_hub(tmp_path: Path, console: Heard) -> None:
    def scenario() -> None:
        raise ValueError("broken")

    assert supervise([Child("one", SLEEPER)], tmp_path, console).run(scenario) == 1
    assert "ValueError: broken" in console.text


def test_output_goes_to_the_log_and_when_wanted_to_the_console(tmp_path: Path) -> None:
    console = Heard(verbose=True)
    command = (sys.executable, "-c", "import time; print('hello', flush=True); time.sleep(600)")
    supervisor = supervise([Child("talker", command)], tmp_path, console)

    def scenario() -> None:
        wait_until(lambda: "hello" in console.text, 10, "the line")
        supervisor.stop()

    assert supervisor.run(scenario) == 0
    assert (tmp_path / "log" / "talker.log").read_text() == "hello\n"


def test_the_wait_before_a_restart_grows_and_is_forgotten(tmp_path: Path, console: Heard) -> None:
    supervisor = supervise([Child("one", SLEEPER)], tmp_path, console)
    running = supervisor._children[0]
    now, waits = 1000.0, []
    for _ in range(8):
        running.started_at = now - 0.5
        running.postpone(now)
        waits.append(round(running.due_at - now, 1))
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    # A life of two seconds is a recovery, however often it ended before.
    running.started_at = now - 2
    running.postpone(now)
    assert round(running.due_at - now, 1) == 0.1


def test_it_sleeps_while_nothing_happens(tmp_path: Path, console: Heard) -> None:
    supervisor = supervise([Child("one", SLEEPER)], tmp_path, console)
    rests: list[float] = []
    rest = supervisor._rest

    def counted(seconds: float, heard: int | None = None) -> None:
        rests.append(seconds)
        rest(seconds, heard)

    supervisor._rest = counted  # type: ignore[method-assign]  # counted, not changed

    def scenario() -> None:
        pid = supervisor._children[0].process
        assert pid is not None
        rests.clear()
        os.kill(pid.pid, signal.SIGKILL)
        wait_until(lambda: supervisor._children[0].process not in (None, pid), 10, "the restart")
        # From the death to the moment it is due again. Whatever else ends in this process wakes it
        # too, and it goes to sleep for long.
        assert len([one for one in rests if one < 1]) <= 5, rests
        supervisor.stop()

    assert supervisor.run(scenario) == 0, console.lines


def test_a_reload_replaces_every_child_but_the_foundation(tmp_path: Path, console: Heard) -> None:
    children = [teller(tmp_path, "base", foundation=True), teller(tmp_path, "user")]
    supervisor = supervise(children, tmp_path, console)

    def scenario() -> None:
        base, user = pid_of(tmp_path, "base"), pid_of(tmp_path, "user")
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_until(lambda: "have been replaced" in console.text, 10, "the reload")
        wait_until(lambda: not lives(user), 10, "the end of the old one")
        assert pid_of(tmp_path, "base") == base
        assert lives(base)
        wait_until(lambda: pid_of(tmp_path, "user") != user, 10, "the new one")
        assert lives(pid_of(tmp_path, "user"))
        supervisor.stop()

    assert supervisor.run(scenario) == 0
    assert (tmp_path / "ended").read_text().split() == ["user", "user", "base"]


def test_a_reload_that_fails_leaves_what_runs(tmp_path: Path, console: Heard) -> None:
    script = (
        "import pathlib, sys, time\n"
        "if pathlib.Path('how').exists(): sys.exit('broken')\n"
        "pathlib.Path('up').touch()\n"
        "time.sleep(600)"
    )
    how, up = tmp_path / "how", tmp_path / "up"
    child = Child("one", (sys.executable, "-c", script), ready=lambda: up.exists() > how.exists())
    supervisor = supervise([child], tmp_path, console)

    def scenario() -> None:
        process = supervisor._children[0].process
        assert process is not None
        how.touch()
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_until(lambda: "«one» did not start" in console.text, 10, "the failure")
        assert "broken" in console.text
        assert lives(process.pid)
        supervisor.stop()

    assert supervisor.run(scenario) == 0


def test_a_child_announces_that_it_is_ready(tmp_path: Path, console: Heard) -> None:
    script = "import os, time; os.write(int(os.environ['HUB_READY_FD']), b'.'); time.sleep(600)"
    first = Child("first", (sys.executable, "-c", script), announces=True)
    supervisor = supervise([first, teller(tmp_path, "after")], tmp_path, console)
    assert supervisor.run(supervisor.stop) == 0
    mute = Child("mute", (sys.executable, "-c", "raise SystemExit('mute')"), announces=True)
    assert supervise([mute], tmp_path, console).run() == 1
    assert "«mute» did not start" in console.text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from hub.embedded.console import Console
from hub.embedded.child import Child
from hub.embedded.supervisor import Supervisor
folder = Path({str(tmp_path)!r})
command = ("/bin/sh", "-c", "echo $$ > pid.new; mv pid.new pid; exec sleep 600")
Supervisor([Child("one", command)], home=folder, environment={{"PATH": "/usr/bin:/bin"}},
           folder=folder, console=Console()).run()
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    wait_until((tmp_path / "pid").exists, 20, "the start")
    pid = int((tmp_path / "pid").read_text())
    assert lives(pid)
    process.kill()
    process.wait()
    wait_until(lambda: not lives(pid), 5, "the end of the child")
