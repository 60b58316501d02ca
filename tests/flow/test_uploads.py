"""Runs over uploads: durable, in order, one at a time, killed and taken up again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from hub.flow import poll, tick
from hub.queues import BULK, queues_for
from hub.sdk.errors import ConfigError
from hub.store.models import changes, cursors, event_bodies, events, products, stock_levels
from hub.store.store import Store
from tests.support.doomed_sync import killed_at
from tests.support.exchange import NAME, Site, amount, guid, offers_file, site_of

#: Two pages of the reader.
GOODS = 1200


@pytest.fixture
def site(store: Store) -> Iterator[Site]:
    """Without a worker: runs wait until the test says."""
    with site_of(store, working=False) as opened:
        yield opened


def ask(site: Site, name: str, body: bytes) -> int:
    """A file comes and is asked to be read; returns the run, which nobody has begun."""
    client = site.client()
    client.post(name, body)
    assert client.call("GET", mode="import", filename=name).content == b"progress"
    return int(site.runs()[-1]["id"])


def goods(count: int, quantity: str) -> bytes:
    """An offers file with so many goods, each in one warehouse."""
    head = (
        f"<Склады><Склад><Ид>{guid('w')}</Ид><Наименование>Главный</Наименование></Склад></Склады>"
    )
    rows = {
        f"i{n}": f"<Артикул>А-{n}</Артикул><Наименование>Товар {n}</Наименование>"
        + amount(quantity, w=quantity)
        for n in range(count)
    }
    return offers_file(rows, head=head)


@pytest.mark.parametrize(("moment", "number"), [("cursor", 1), ("noted", 3)])
def test_an_import_killed_anywhere_is_done_by_the_next_worker(
    site: Site, moment: str, number: int
) -> None:
    run_id = ask(site, "offers0_1.xml", goods(GOODS, "5"))
    killed_at(site.hub, run_id, moment, number)
    assert site.hub.run(run_id)["status"] == "running"
    assert poll.run_sync(site.hub.store, run_id) == "succeeded"
    levels = site.levels()
    assert len(levels) == GOODS
    assert set(levels.values()) == {5}
    assert {place for _, _, place in levels} == {"Главный"}
    assert len(site.hub.rows(products)) == GOODS
    made = Counter(row["record_id"] for row in site.hub.rows(changes, action="created"))
    assert set(made.values()) == {1}


def test_redis_that_forgot_the_ring_is_reminded_by_the_sweep(site: Site) -> None:
    run_id = ask(site, "offers0_1.xml", goods(3, "5"))
    queues = queues_for(site.hub.store.settings)
    queues.redis.flushall()
    tick.tick(site.hub.store)
    assert [list(job.args) for job in queues.queue(BULK).jobs] == [[run_id]]


def test_uploads_are_read_in_the_order_they_were_asked_for(site: Site) -> None:
    older = ask(site, "offers0_1.xml", goods(3, "1"))
    newer = ask(site, "offers0_1.xml", goods(3, "2"))
    # Another worker was quicker with the newer one: it lets it wait.
    assert poll.run_sync(site.hub.store, newer) == ""
    assert poll.run_sync(site.hub.store, older) == "succeeded"
    queued = queues_for(site.hub.store.settings).queue(BULK)
    assert [newer] in [list(job.args) for job in queued.jobs]
    assert poll.run_sync(site.hub.store, newer) == "succeeded"
    assert set(site.levels().values()) == {2}


def test_an_upload_whose_pieces_are_gone_says_so_and_lets_the_next_one_go(site: Site) -> None:
    lost = ask(site, "offers0_1.xml", goods(3, "1"))
    with site.hub.store.database.write() as db:
        db.execute(delete(event_bodies))
        db.execute(delete(events))
    assert poll.run_sync(site.hub.store, lost) == "failed"
    assert site.hub.run(lost)["error_message"] == "0 pieces of «offers0_1.xml» are left of 1"
    again = ask(site, "offers0_1.xml", goods(3, "1"))
    assert poll.run_sync(site.hub.store, again) == "succeeded"


def test_a_failure_is_told_once_and_the_same_import_is_then_a_new_run(site: Site) -> None:
    client = site.client()
    client.post("offers0_1.xml", goods(3, "1")[:-50])

    def answer() -> str:
        return client.call("GET", mode="import", filename="offers0_1.xml").text

    assert answer() == "progress"
    poll.run_sync(site.hub.store, site.runs()[-1]["id"])
    assert answer().startswith("failure\nфайл обрезан")
    assert len(site.runs()) == 1
    assert answer() == "progress"
    assert len(site.runs()) == 2


def test_a_paused_connection_reads_nothing_until_it_is_resumed(site: Site) -> None:
    run_id = ask(site, "offers0_1.xml", goods(3, "1"))
    site.hub.set_state(NAME, "paused")
    assert poll.run_sync(site.hub.store, run_id) == ""
    site.hub.set_state(NAME, "active")
    assert poll.run_sync(site.hub.store, run_id) == "succeeded"


def test_what_is_remembered_is_written_when_it_is_news(site: Site) -> None:
    poll.run_sync(site.hub.store, ask(site, "offers0_1.xml", goods(3, "1")))
    first = site.hub.one(cursors, stream="uploads")
    assert first["cursor"]["warehouses"] == {guid("w"): "Главный"}
    poll.run_sync(site.hub.store, ask(site, "offers0_1.xml", goods(GOODS, "2")))
    assert site.hub.one(cursors, stream="uploads")["updated_at"] == first["updated_at"]
    # The pages and the runs do not carry it about.
    assert {str(run["cursor_after"]) for run in site.runs()} == {"{}"}
    assert len(site.hub.rows(stock_levels)) == GOODS


def test_a_stream_of_uploads_cannot_be_polled(site: Site) -> None:
    with pytest.raises(ConfigError, match="has nothing to poll"):
        poll.request_run(site.hub.store, NAME, "offers", "person")
