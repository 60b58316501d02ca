"""Processes are replaced, killed and ended while senders post: not one request fails."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.conftest import HubProcess
from tests.embedded.test_hub_up import hub_command, site_file
from tests.support.senders import Senders
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)
KINDS = ("gunicorn: master", "worker live", "worker deliver", "worker bulk", "scheduler")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub with one site."""
    hub = HubProcess(tmp_path / "home", "up")
    try:
        hub.await_up()
        hub_command(hub, "connections", "add", str(site_file(tmp_path)))
        yield hub
    finally:
        hub.cleanup()


def stored(hub: HubProcess, where: str = "1 = 1") -> int:
    with sqlite3.connect(hub.home / "hub.db", timeout=30) as database:
        query = f"select count(*) from events where {where}"  # noqa: S608  # our own words
        return int(database.execute(query).fetchone()[0])


def test_a_reload_under_load_fails_no_request(running: HubProcess) -> None:
    before = {kind: running.pids(kind) for kind in KINDS}
    redis = running.pids("redis.sock")
    with Senders([f"{running.url}/in/site-forms"]) as senders:
        senders.await_more(50)
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "have been replaced" in running.output, 60, "the reload")
        senders.await_more(50)
    assert senders.failures == []
    old = [pid for pids in before.values() for pid in pids]
    wait_until(lambda: not set(old) & set(running.children()), 30, "the end of the old ones")
    assert all(running.pids(kind) for kind in KINDS)
    assert running.pids("redis.sock") == redis
    wait_until(lambda: stored(running, "status = 'done'") == len(senders.accepted), 30, "the work")


def test_a_killed_gateway_refuses_nobody(running: HubProcess) -> None:
    """The port stays open: new senders wait until somebody answers again."""
    with Senders([f"{running.url}/in/site-forms"]) as senders:
        senders.await_more(20)
        master = running.pids("gunicorn: master")
        os.kill(master[0], signal.SIGKILL)
        wait_until(lambda: running.pids("gunicorn: master") not in ([], master), 30, "the restart")
        senders.await_more(50)
    assert not [reason for reason in senders.failures if "refused" in reason]
    assert stored(running) >= len(senders.accepted)


def test_the_fork_server_may_be_killed_or_stopped(running: HubProcess) -> None:
    """Nobody else ends with it, and whoever dies meanwhile is started another way."""
    others = running.pids("worker ") + running.pids("gunicorn")
    first = running.pids("fork server")
    os.kill(first[0], signal.SIGKILL)
    wait_until(lambda: running.pids("fork server") not in ([], first), 30, "another one")
    assert running.pids("worker ") + running.pids("gunicorn") == others
    stopped = running.pids("fork server")
    os.kill(stopped[0], signal.SIGSTOP)
    worker = running.pids("worker live")
    os.kill(worker[0], signal.SIGKILL)
    wait_until(lambda: running.pids("worker live") not in ([], worker), 60, "the worker")
    wait_until(lambda: running.pids("fork server") not in ([], stopped), 60, "a new fork server")


def test_an_orderly_end_answers_whoever_has_connected(running: HubProcess) -> None:
    """Refused or answered: a balancer that sends the refused ones elsewhere loses none."""
    with Senders([f"{running.url}/in/site-forms"], refused_is_fine=True) as senders:
        senders.await_more(50)
        assert running.end(signal.SIGTERM) == 0
    assert senders.failures == []
    assert stored(running) == len(senders.accepted)
