"""A node is cut off, killed, replaced; the schema changes: nothing accepted is lost or doubled."""

from __future__ import annotations

import os
import signal
from itertools import count, pairwise
from pathlib import Path

import pytest
from sqlalchemy import select, text

from hub.schedule import LEASE
from hub.store.database import Database
from hub.store.migrate import upgrade
from hub.store.models import changes, events, leads, leases, sync_runs
from tests.cluster.conftest import Cluster
from tests.faults.test_kill import unfinished
from tests.support.senders import Senders
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

#: Longer than a drain's lease: what a cut-off node had begun is taken over after it.
WORK_SECONDS = 100
TAKE_OVER_SECONDS = 20
#: Each test's leads have numbers of their own.
FIRST = count(10_000, 10_000)


def leader(cluster: Cluster) -> str:
    """The machine whose scheduler leads."""
    with cluster.store.store.database.read() as db:
        owner = db.scalar(select(leases.c.owner).where(leases.c.name == LEASE)) or ""
    return str(owner).rpartition("-")[0].rpartition("-")[0]


def await_work(cluster: Cluster, senders: Senders) -> None:
    """All that was accepted has had its effect, once."""
    outputs = [node.output for node in cluster.nodes]
    wait_until(lambda: unfinished(cluster.store) == 0, WORK_SECONDS, f"the work {outputs}")
    titles = [row["title"] for row in cluster.store.rows(leads)]
    assert len(titles) == len(set(titles))
    assert {f"Заявка {number}" for number in senders.accepted} <= set(titles)
    keys = [row["event_key"] for row in cluster.store.rows(events)]
    assert len(keys) == len(set(keys)) == len(titles)
    created = cluster.store.rows(changes, action="created", entity="lead")
    assert len(created) == len(titles)


def test_a_node_is_cut_off_and_comes_back(cluster: Cluster) -> None:
    wait_until(lambda: leader(cluster), TAKE_OVER_SECONDS, "a leader")
    number = [place.name for place in cluster.places].index(leader(cluster))
    lost, other = cluster.places[number], cluster.places[1 - number]
    with Senders(cluster.urls, first=next(FIRST), stubborn=True) as senders:
        senders.await_more(20)
        lost.cut()
        senders.await_more(20)
        wait_until(lambda: leader(cluster) == other.name, TAKE_OVER_SECONDS, "the standby's turn")
        lost.mend()
        wait_until(cluster.nodes[number].answers, 60, "the node's return")
        senders.await_more(20)
    assert senders.failures == []
    await_work(cluster, senders)


def test_a_node_is_killed(cluster: Cluster) -> None:
    wait_until(lambda: leader(cluster), TAKE_OVER_SECONDS, "a leader")
    number = [place.name for place in cluster.places].index(leader(cluster))
    with Senders(cluster.urls, first=next(FIRST), stubborn=True) as senders:
        senders.await_more(20)
        os.kill(cluster.nodes[number].process.pid, signal.SIGKILL)
        other = cluster.places[1 - number].name
        wait_until(lambda: leader(cluster) == other, TAKE_OVER_SECONDS, "the standby's turn")
        senders.await_more(20)
        cluster.restart(number)
        senders.await_more(20)
    assert senders.failures == []
    await_work(cluster, senders)


def test_a_stream_is_started_once(cluster: Cluster) -> None:
    """Two schedulers are at work all the time; a run is queued for each turn, not two."""
    document = {
        "connector": "woocommerce",
        "settings": {"url": "http://127.0.0.1:9"},
        "secrets": {"webhook_secret": "w", "consumer_key": "ck", "consumer_secret": "cs"},
        "schedule": {"orders": "every 5s"},
    }
    cluster.store.connect("shop", document)

    def runs() -> list[dict[str, object]]:
        return cluster.store.rows(sync_runs, trigger="schedule")

    wait_until(lambda: len(runs()) >= 3, 90, "three turns")
    cluster.store.set_state("shop", "paused")
    moments = sorted(row["created_at"] for row in runs())  # type: ignore[type-var]  # times
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]  # type: ignore[operator]  # times
    assert min(gaps) >= 4
    assert all(cluster_node.pids("scheduler") for cluster_node in cluster.nodes)


def test_a_rolling_restart_fails_no_accept(cluster: Cluster) -> None:
    with Senders(cluster.urls, first=next(FIRST)) as senders:
        for number in (0, 1):
            senders.await_more(20)
            cluster.nodes[number].process.send_signal(signal.SIGTERM)
            assert cluster.nodes[number].process.wait(60) == 0
            senders.await_more(20)
            cluster.restart(number)
        senders.await_more(20)
    assert senders.failures == []
    await_work(cluster, senders)


REVISION = '''
"""A test's own: a column and an index on the table that every accept writes."""

import sqlalchemy as sa
from alembic import op

revision = "test1"
down_revision = "{head}"


def upgrade() -> None:
    with op.batch_alter_table("events") as table:
        table.add_column(sa.Column("note_of_test", sa.String(), nullable=True))


def downgrade() -> None: ...
'''
INDEX = '''
"""A test's own: the index, built while others write."""

from hub.store.migrate import add_index

revision = "test2"
down_revision = "test1"


def upgrade() -> None:
    add_index("ix_test_note", "events", ["note_of_test"])


def downgrade() -> None: ...
'''


def test_a_migration_under_load_fails_no_accept(cluster: Cluster, tmp_path: Path) -> None:
    database = cluster.store.store.database
    with database.read() as db:
        head = db.scalar(text("select version_num from alembic_version"))
    (tmp_path / "test1_column.py").write_text(REVISION.format(head=head))
    (tmp_path / "test2_index.py").write_text(INDEX)
    reader = Database(cluster.postgres.url)
    with Senders(cluster.urls, first=next(FIRST)) as senders:
        senders.await_more(20)
        with reader.read(streaming=True) as db:
            # A report that takes its time: the change of the table has to wait for it, and
            # without a limit every accept would have to wait behind the change.
            db.execute(select(events.c.id).limit(1)).all()
            migration = senders.beside(lambda: upgrade(database, [tmp_path]))
            senders.await_more(60)
            assert not migration.done()
        migration.result(60)
        senders.await_more(20)
    reader.dispose()
    assert senders.failures == []
    assert senders.slowest_seconds < 5
    with database.write() as db:
        assert db.scalar(text("select to_regclass('ix_test_note')")) is not None
        db.execute(text("drop index ix_test_note"))
        db.execute(text("alter table events drop column note_of_test"))
        db.execute(text("update alembic_version set version_num = :head"), {"head": head})
    await_work(cluster, senders)
