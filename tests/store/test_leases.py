"""Leases: who may work, for how long, and what a holder that slept too long may still do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hub.sdk.errors import ConfigError
from hub.settings import Settings
from hub.store import leases
from hub.store.store import Store


def test_its_seconds_come_from_hub_yml(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, file={"leases": {"drain_seconds": 2.5}})
    assert leases.seconds_of(settings, "drain") == 2.5
    assert leases.seconds_of(settings, "sync") == leases.DEFAULT_SECONDS["sync"]


@pytest.mark.parametrize("wrong", [0, -1, "soon", True])
def test_seconds_that_are_none_are_named(tmp_path: Path, wrong: object) -> None:
    settings = Settings(home=tmp_path, file={"leases": {"drain_seconds": wrong}})
    with pytest.raises(ConfigError, match=r"leases\.drain_seconds"):
        leases.seconds_of(settings, "drain")


def test_one_that_ran_out_is_taken_over_and_its_former_holder_fenced_off(store: Store) -> None:
    database, owner = store.database, leases.owner_name()
    sleeper = leases.acquire(database, "work", owner, 0)
    assert sleeper is not None
    successor = leases.acquire(database, "work", f"{owner}1", 60)
    assert successor is not None
    assert (successor.token, successor.deaths) == (sleeper.token + 1, 1)
    with pytest.raises(leases.LeaseLostError), database.write() as db:
        leases.fence(db, sleeper)
    # Giving back what is no longer ours takes nothing from the successor.
    leases.release(database, sleeper)
    assert leases.acquire(database, "work", owner, 60) is None


def test_one_that_could_not_be_given_back_is_its_owners_at_once(store: Store) -> None:
    """The store was away when the work ended: the owner lives, and no death is counted."""
    first = leases.acquire(store.database, "work", leases.owner_name(), 60)
    again = leases.acquire(store.database, "work", leases.owner_name(), 60)
    assert first is not None
    assert again is not None
    assert (again.token, again.deaths) == (first.token + 1, 0)


def test_one_of_a_process_that_ended_is_free_though_nobody_buried_it(sqlite_store: Store) -> None:
    """A killed worker whose parent was killed with it stays a zombie where nobody reaps."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        dead = f"{socket.gethostname()}-{ended.pid}-1"
        assert leases.acquire(sqlite_store.database, "work", dead, 60)
        assert leases.acquire(sqlite_store.database, "work", "another-machine-1-1", 60)
