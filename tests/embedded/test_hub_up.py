"""The whole hub as one command: it works, survives its children, ends cleanly, starts again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from connectors.standard_webhook import emulator as site
from hub.sdk.testing import post
from tests.cli.conftest import write_file
from tests.embedded.conftest import FOREIGN, HubProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)


def hub_command(hub: HubProcess, *arguments: str) -> str:
    """The `hub` command beside the running hub."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    environment |= {"HUB_HOME": str(hub.home), "HUB_PORT": str(hub.port)}
    command = [sys.executable, "-m", "hub.cli", *arguments]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


def site_file(folder: Path) -> Path:
    return write_file(folder, "site-forms", site.Emulator().connection())


@pytest.fixture(scope="module")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """One hub for the tests of this module, with a right and a wrong connection file."""
    home = tmp_path_factory.mktemp("hub") / "home"
    (home / "connections").mkdir(parents=True)
    write_file(home / "connections", "from-file", site.Emulator().connection())
    write_file(home / "connections", "wrong", "connector: mailgun\nsettings: {colour: red}\n")
    hub = HubProcess(home, "up")
    try:
        yield hub.await_up()
    finally:
        hub.cleanup()


def counted(hub: HubProcess, table: str) -> int:
    with sqlite3.connect(hub.home / "hub.db") as database:
        return int(database.execute(f"select count(*) from {table}").fetchone()[0])  # noqa: S608  # our own table names


def test_first_start_tells_how_to_sign_in(running_hub: HubProcess) -> None:
    assert re.search(r"Первый вход: admin@uzel\.local, пароль \S{12,}", running_hub.output)
    assert re.search(r"First sign-in: admin@uzel\.local, password \S{12,}", running_hub.output)
    assert running_hub.url in running_hub.output


def test_site_health_and_metrics_answer(running_hub: HubProcess) -> None:
    assert running_hub.answers()
    assert requests.get(f"{running_hub.url}/healthz", timeout=5).json() == {"status": "alive"}
    metrics = requests.get(f"{running_hub.url}/metrics", timeout=5).text
    assert "uzel_open_events" in metrics


def test_a_connection_added_beside_it_is_live_and_its_events_are_stored(
    running_hub: HubProcess, tmp_path: Path
) -> None:
    hub_command(running_hub, "connections", "add", str(site_file(tmp_path)))
    url = f"{running_hub.url}/in/site-forms"
    request = site.Emulator().webhooks()[1]
    seconds = wait_until(lambda: post(request, url).ok, 5, "the connection")
    assert seconds < 2.5
    wait_until(lambda: counted(running_hub, "leads") == 1, 10, "the lead")
    assert counted(running_hub, "events") == 1


def test_counters_of_all_gateway_processes_are_added_up(running_hub: HubProcess) -> None:
    counter = re.compile(r'^uzel_requests_total\{connection="from-file",.*\} (\S+)$', re.MULTILINE)

    def told() -> float:
        text = requests.get(f"{running_hub.url}/metrics", timeout=5).text
        return sum(map(float, counter.findall(text)))

    request = site.Emulator().webhooks()[1]
    assert all(post(request, f"{running_hub.url}/in/from-file").ok for _ in range(20))
    assert {told() for _ in range(10)} == {20.0}


def test_the_fork_server_holds_neither_home_nor_port(running_hub: HubProcess) -> None:
    (pid,) = running_hub.pids("fork server")
    held = [os.readlink(path) for path in Path("/proc", str(pid), "fd").iterdir()]
    assert not [name for name in held if name.endswith("hub.lock")]
    # The supervisor's channel alone.
    assert len([name for name in held if name.startswith("socket:")]) == 1


@pytest.mark.parametrize(
    "words", ["gunicorn", "worker live", "redis.sock", "scheduler", "fork server"]
)
def test_a_killed_process_is_started_again(running_hub: HubProcess, words: str) -> None:
    # A worker or the scheduler may be coming back from Redis's own death, and be gone again
    # between two looks: the look that finds a process and the shot are one step.
    shot: list[int] = []

    def hit() -> bool:
        for pid in running_hub.pids(words)[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                shot.append(pid)
        return bool(shot)

    wait_until(hit, 20, "the process")
    wait_until(lambda: shot[0] not in running_hub.children(), 10, "the end")
    wait_until(lambda: running_hub.pids(words), 20, "the restart")
    wait_until(running_hub.answers, 15, "the answer")


def test_the_doctor_finds_nothing(running_hub: HubProcess) -> None:
    wait_until(running_hub.answers, 15, "the answer")
    assert "✗" not in hub_command(running_hub, "doctor")


def test_a_second_hub_stands_beside_it_or_says_why_not(
    running_hub: HubProcess, tmp_path: Path
) -> None:
    same_home = HubProcess(running_hub.home, "up")
    assert same_home.process.wait(30) == 1
    assert f"running there already (process {running_hub.process.pid})" in same_home.output
    same_port = HubProcess(tmp_path / "other", "up", port=running_hub.port)
    assert same_port.process.wait(30) == 1
    assert f"port {running_hub.port} on 127.0.0.1 is taken by" in same_port.output
    second = HubProcess(tmp_path / "second", "up")
    try:
        second.await_up()
        assert second.answers()
        assert running_hub.answers()
    finally:
        second.cleanup()


def test_it_ends_cleanly_and_finds_its_data_again(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path / "home", "up").await_up()
    try:
        hub_command(hub, "connections", "add", str(site_file(tmp_path)))
        url = f"{hub.url}/in/site-forms"
        wait_until(lambda: post(site.Emulator().webhooks()[1], url).ok, 5, "the connection")
        assert hub.end(signal.SIGINT) == 0
        assert "The hub has stopped" in hub.output
        assert hub.children() == {}
        assert not (hub.home / "redis.sock").exists()
    finally:
        hub.cleanup()
    again = HubProcess(hub.home, "up", port=hub.port)
    try:
        again.await_up()
        assert "password" not in again.output
        wait_until(lambda: counted(again, "leads") == 1, 15, "the lead")
        again.process.kill()
        again.process.wait()
        wait_until(lambda: again.children() == {}, 20, "the end of every process")
    finally:
        again.cleanup()


def test_files_of_its_home_become_connections_and_a_wrong_one_is_named(
    running_hub: HubProcess,
) -> None:
    assert "connection «from-file» stored" in running_hub.output
    assert re.search(r"wrong\.yml:2:\d+: .*no such key", running_hub.output)
    assert post(site.Emulator().webhooks()[1], f"{running_hub.url}/in/from-file").ok
