"""`hub doctor` finds what is wrong and says what to do."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer

from connectors.standard_webhook import emulator as site
from hub.commands import doctor as module
from hub.flow.watch import HEARTBEAT
from hub.queues import QUEUES, Queues
from hub.sdk.request import RawRequest
from hub.sdk.signatures import hmac_sha256
from hub.store import facts
from hub.store.database import utc_now
from tests.cli.conftest import Cli, break_connection
from tests.support.hub import Hub, lead


@pytest.fixture
def healthy(inside: Hub, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub as it stands when its processes run."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    with inside.store.database.write() as db:
        facts.set_fact(db, HEARTBEAT, utc_now().isoformat())
    connection = Redis.from_url(redis_url)
    for queue in QUEUES:
        Worker([queue], connection=connection, serializer=JSONSerializer).register_birth()  # type: ignore[no-untyped-call]  # rq leaves it untyped
    return inside


def findings(cli: Cli, code: int = 0) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in cli("doctor", "--json", code=code).json}


def test_all_is_well(cli: Cli, healthy: Hub) -> None:
    healthy.site()
    assert all(row["ok"] for row in findings(cli).values())
    assert "✗" not in cli("doctor").out


def test_without_processes(cli: Cli) -> None:
    found = findings(cli, 1)
    assert not found["redis"]["ok"]
    assert "hub up" in found["redis"]["remedy"]
    assert not found["workers"]["ok"]
    assert not found["scheduler"]["ok"]
    assert found["store"]["ok"]
    assert "→" in cli("doctor", code=1).out


def test_a_stale_heartbeat(cli: Cli, healthy: Hub) -> None:
    with healthy.store.database.write() as db:
        facts.set_fact(db, HEARTBEAT, (utc_now() - timedelta(minutes=5)).isoformat())
    assert not findings(cli, 1)["scheduler"]["ok"]


@pytest.mark.usefixtures("healthy")
def test_a_queue_whose_worker_was_killed(cli: Cli, redis_url: str) -> None:
    """RQ still lists it for minutes, at work, with the job it had begun."""
    queues = Queues(redis_url)
    killed = subprocess.Popen(["/bin/true"])
    killed.wait()
    for worker in Worker.all(connection=queues.redis, queue=queues.queue("live")):
        queues.redis.hset(worker.key, mapping={"pid": killed.pid, "state": "busy"})
    found = findings(cli, 1)
    assert found["workers"]["message"].endswith(": live")
    assert "hub up" in found["workers"]["remedy"]


@pytest.mark.usefixtures("healthy")
def test_an_open_key_file(cli: Cli, home: Path) -> None:
    (home / "secret.key").chmod(0o644)
    found = findings(cli, 1)["key"]
    assert found["remedy"] == f"chmod 600 {home / 'secret.key'}"


def test_no_store_yet(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "nowhere"))
    found = findings(cli, 1)
    assert "hub init" in found["store"]["remedy"]
    assert not (tmp_path / "nowhere").exists()


def test_a_store_of_another_version(cli: Cli, healthy: Hub) -> None:
    with healthy.store.database.write() as db:
        db.exec_driver_sql("update alembic_version set version_num = 'other'")
    assert findings(cli, 1)["store"]["remedy"] == "hub migrate"


@pytest.mark.usefixtures("healthy")
def test_a_full_disk(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_FREE_BYTES", 2**60)
    assert not findings(cli, 1)["disk"]["ok"]


def test_a_clock_that_went_back(cli: Cli, healthy: Hub) -> None:
    healthy.site()
    healthy.post("site", lead(1), utc_now() + timedelta(hours=1))
    assert not findings(cli, 1)["clock"]["ok"]


def test_connections_that_need_somebody(cli: Cli, healthy: Hub) -> None:
    break_connection(healthy)
    healthy.site("tired")
    healthy.set_state("tired", "needs_attention")
    found = findings(cli, 1)
    assert "signing_key" in found["connection broken"]["message"]
    assert "resume tired" in found["connection tired"]["remedy"]


def test_dead_letters_are_told_but_are_no_fault_of_the_hub(cli: Cli, healthy: Hub) -> None:
    healthy.site()
    signature = f"sha256={hmac_sha256(site.SECRET, b'rubbish').hex()}"
    healthy.post("site", RawRequest(b"rubbish", (("X-Signature", signature),)))
    healthy.drain()
    assert healthy.statuses() == {"dead": 1}
    assert "--status dead" in findings(cli)["events"]["remedy"]


def test_on_postgresql(
    cli: Cli, postgres_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    found = findings(cli, 1)
    assert found["store"]["message"] == "PostgreSQL"
    assert found["clock"]["ok"]
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    assert not findings(cli, 1)["store"]["ok"]
