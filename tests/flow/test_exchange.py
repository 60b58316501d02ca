"""Whole exchanges over real HTTP: every dialect, torn and repeated transfers, runs waited for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.onec_commerceml import emulator as onec
from connectors.onec_commerceml.emulator import ExchangeError, files_of
from hub.flow import desk
from hub.store.models import (
    events,
    exchange_sessions,
    products,
    stock_levels,
    sync_runs,
    uploads,
)
from hub.store.store import Store
from tests.support.exchange import Site, amount, guid, offers_file, site_of

MAIN, SHOP = "Основной склад", "Магазин на Садовой"


@pytest.fixture
def site(sqlite_store: Store) -> Iterator[Site]:
    """With a worker, for what no database can change."""
    with site_of(sqlite_store) as opened:
        yield opened


@pytest.fixture
def everywhere(store: Store) -> Iterator[Site]:
    """On SQLite and on PostgreSQL, with a worker."""
    with site_of(store) as opened:
        yield opened


@pytest.fixture
def idle(sqlite_store: Store) -> Iterator[Site]:
    """Without a worker: a run waits until the test says."""
    with site_of(sqlite_store, working=False) as opened:
        yield opened


def test_a_trade_base_sends_everything_in_an_archive(everywhere: Site) -> None:
    everywhere.onec.exchange(everywhere.url)
    levels = everywhere.levels()
    assert levels[("БЗ-100", "42", MAIN)] == 4
    assert levels[("БЗ-100", "42", SHOP)] == 3
    assert levels[("БЗ-100", "43", SHOP)] == 2
    assert levels[("КР-7", "", MAIN)] == Decimal("12.5")
    assert levels[("ШН-1", "", "")] == 0
    # A service has no stock, whatever the offer says.
    assert len(levels) == 5
    found = {row["external_id"]: row for row in everywhere.hub.rows(products)}
    assert len(found) == 7
    boots = next(row for row in found.values() if row["name"] == "Ботинки зимние")
    assert (boots["sku"], boots["unit"]) == ("БЗ-100", "пар")
    assert boots["category"] == "Обувь / Зимняя обувь"
    assert boots["extra"]["properties"] == {"Производитель": "АО «Пример»"}
    sized = next(row for row in found.values() if row["variant"] == "42")
    assert sized["parent_external_id"] == boots["external_id"]
    assert sized["external_id"].startswith(f"{boots['external_id']}#")
    assert (sized["price"], sized["currency"]) == (Decimal("5990"), "RUB")
    laces = next(row for row in found.values() if row["sku"] == "ШН-1")
    assert (laces["barcode"], laces["price"], laces["is_active"]) == (
        "4600000000015",
        Decimal("150"),
        True,
    )
    assert laces["external_id"] == laces["external_id"].lower()
    assert next(row for row in found.values() if row["sku"] == "СТ-0")["is_active"] is False
    assert [run["status"] for run in everywhere.runs()] == ["succeeded"] * 2
    assert [run["stream"] for run in everywhere.runs()] == ["catalog", "offers"]


@pytest.mark.parametrize(
    ("dialect", "counts"), [("bitrix", (4, 4)), ("unf", (7, 7)), ("old", (2, 2))]
)
def test_other_dialects_end_in_the_same_store(
    site: Site, dialect: str, counts: tuple[int, int]
) -> None:
    site.onec.dialect = dialect
    site.onec.exchange(site.url)
    found = site.hub.rows(products)
    assert (len(found), len(site.levels())) == counts
    assert not [run for run in site.runs() if run["status"] != "succeeded"]
    warehouses = {place for _, _, place in site.levels()}
    assert warehouses == ({""} if dialect == "old" else {MAIN, SHOP})
    if dialect == "old":
        (boots,) = [row for row in found if row["sku"] == "БЗ-100"]
        assert boots["name"] == "Ботинки зимние № 5"
        assert set(site.levels().values()) == {Decimal(1200), Decimal(0)}


def test_names_told_in_one_file_are_known_in_another_exchange(site: Site) -> None:
    site.onec.dialect = "bitrix"
    files = dict(files_of("bitrix"))
    (rests,) = [name for name in files if name.startswith("rests")]
    (catalog,) = [name for name in files if name.startswith("import")]
    site.onec.send_catalog(site.url, [(catalog, files[catalog])])
    site.onec.send_catalog(site.url, [(rests, files[rests])])
    assert {place for _, _, place in site.levels()} == {MAIN, SHOP}


def test_what_a_file_does_not_name_stays_whatever_it_says_of_itself(site: Site) -> None:
    site.onec.exchange(site.url)
    before = len(site.hub.rows(products))
    empty = offers_file({}, head="")
    body = empty.replace("<ПакетПредложений>".encode(),
                         '<ПакетПредложений СодержитТолькоИзменения="false">'.encode())  # fmt: skip
    site.onec.send_catalog(site.url, [("offers0_1.xml", body)])
    assert len(site.levels()) == 5
    assert len(site.hub.rows(products)) == before
    assert site.levels()[("БЗ-100", "42", MAIN)] == 4


def test_files_are_cut_by_the_limit_and_every_piece_may_come_twice(everywhere: Site) -> None:
    everywhere.connect(file_limit=1024, zip=False)
    everywhere.onec.repeats = True
    everywhere.onec.exchange(everywhere.url)
    assert everywhere.levels()[("БЗ-100", "42", MAIN)] == 4
    pieces = everywhere.hub.rows(events)
    posted = [line for line in everywhere.onec.log if " file " in line]
    assert len(posted) == 2 * len(pieces)
    assert len(pieces) > 8
    assert max(piece["size_bytes"] for piece in pieces) <= 1024


def test_an_archive_is_cut_too(site: Site) -> None:
    site.connect(file_limit=1024)
    site.onec.repeats = True
    site.onec.exchange(site.url)
    assert len(site.levels()) == 5
    assert {row["ordering_key"].partition("/")[2] for row in site.hub.rows(events)} == {
        "v8_0001_01.zip"
    }


def test_a_torn_file_changes_nothing_and_the_portion_comes_again(site: Site) -> None:
    """The last piece is lost on its way; 1C is told, logs in anew and sends all of it."""
    site.connect(zip=False, file_limit=2048)
    client = site.client()
    body = offers_file({f"i{n}": amount("5", w="5") for n in range(100)})
    client.post("offers0_1.xml", body[: len(body) - 1000])
    with pytest.raises(ExchangeError, match="обрезан"):
        client.import_file("offers0_1.xml")
    assert site.levels() == {}
    site.onec.send_catalog(site.url, [("offers0_1.xml", body)])
    assert len(site.levels()) == 100


def test_a_transfer_that_broke_off_is_resumed_in_its_session(site: Site) -> None:
    """The connection went after two pieces; the client sends the file from its beginning again."""
    site.connect(zip=False, file_limit=2048)
    client = site.client()
    body = offers_file({f"i{n}": amount("5", w="5") for n in range(100)})
    client.post("offers0_1.xml", body[: 2 * 2048])
    client.post("offers0_1.xml", body)
    client.import_file("offers0_1.xml")
    assert len(site.levels()) == 100


def test_a_file_begun_anew_under_its_name_replaces_the_one_before(everywhere: Site) -> None:
    everywhere.connect(zip=False)
    client = everywhere.client()
    client.post("offers0_1.xml", offers_file({"a": amount("1", w="1")}))
    client.import_file("offers0_1.xml")
    client.post("offers0_1.xml", offers_file({"a": amount("2", w="2"), "b": amount("3", w="3")}))
    client.import_file("offers0_1.xml")
    assert {key[0]: number for key, number in everywhere.levels().items()} == {
        guid("a"): 2,
        guid("b"): 3,
    }
    assert len(everywhere.runs()) == 2


def test_a_piece_that_happens_to_begin_like_an_archive_goes_on_with_it() -> None:
    from connectors._protocols.commerceml_file import starts_file

    assert not starts_file(b"PK\x03\x04 an entry's head at a cut", b"the packed bytes before it")
    assert starts_file(b"PK\x03\x04 another archive", b"..PK\x05\x06" + b"\0" * 18)
    assert starts_file(b"\xef\xbb\xbf<?xml version='1.0'?>", b"anything")
    assert not starts_file("<Предложение>".encode(), b"anything")


def test_the_same_import_is_the_same_run(everywhere: Site) -> None:
    client = everywhere.client()
    client.post("offers0_1.xml", offers_file({"a": amount("1", w="1")}))
    for _ in range(3):
        client.import_file("offers0_1.xml")
    assert len(everywhere.runs()) == 1


def test_progress_is_answered_until_the_worker_is_done(idle: Site) -> None:
    client = idle.client()
    client.post("offers0_1.xml", offers_file({"a": amount("1", w="1")}))
    asked = [client.call("GET", mode="import", filename="offers0_1.xml").content for _ in range(3)]
    assert asked == [b"progress"] * 3
    (run,) = idle.runs()
    assert (run["status"], run["trigger"]) == ("queued", "upload")
    assert run["upload"]["name"] == "offers0_1.xml"
    from hub.flow import poll

    poll.run_sync(idle.hub.store, run["id"])
    reply = client.call("GET", mode="import", filename="offers0_1.xml")
    assert reply.content == b"success"


def test_whoever_waits_is_answered_when_the_run_ends(idle: Site) -> None:
    from hub.flow import poll

    idle.connect(progress_seconds=20)
    client = idle.client()
    client.post("offers0_1.xml", offers_file({"a": amount("1", w="1")}))
    replies: list[bytes] = []

    def ask() -> None:
        reply = client.call("GET", mode="import", filename="offers0_1.xml")
        replies.append(reply.content)

    asking = threading.Thread(target=ask)
    asking.start()
    while not idle.runs():
        assert asking.is_alive()
    poll.run_sync(idle.hub.store, idle.runs()[0]["id"])
    asking.join(15)
    assert replies == [b"success"]


def test_more_than_so_many_waiting_clients_hold_no_thread(
    idle: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle.connect(progress_seconds=3600)
    monkeypatch.setattr(desk, "_waiting", threading.BoundedSemaphore(1))
    assert desk._waiting.acquire(blocking=False)
    client = idle.client()
    client.post("offers0_1.xml", offers_file({"a": amount("1", w="1")}))
    assert client.call("GET", mode="import", filename="offers0_1.xml").content == b"progress"


def test_a_bad_row_is_listed_and_the_others_are_stored(site: Site) -> None:
    rows = {"a": amount("1", w="1"), "b": amount("2", w="много"), "c": amount("3", w="3")}
    site.onec.send_catalog(site.url, [("offers0_1.xml", offers_file(rows))])
    assert {key[0] for key in site.levels()} == {guid("a"), guid("c")}
    (run,) = site.runs()
    assert (run["status"], run["rows_rejected"]) == ("succeeded", 1)


def test_stock_is_fresh_only_when_a_file_brought_some(site: Site) -> None:
    from hub.web.freshness import stock_sources

    files = dict(files_of("bitrix"))
    (prices,) = [name for name in files if name.startswith("prices")]
    site.onec.send_catalog(site.url, [("offers.xml", files[prices])])
    assert [source.state for source in stock_sources(site.hub.store)] == ["never"]
    site.onec.exchange(site.url)
    assert [source.state for source in stock_sources(site.hub.store)] == ["fresh"]


def test_what_is_not_commerceml_is_told_apart(site: Site) -> None:
    client = site.client()
    client.post("import.xml", b"<?xml version='1.0'?><html><body>login</body></html>")
    with pytest.raises(ExchangeError, match="не CommerceML"):
        client.import_file("import.xml")
    client.post("import.xml", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
    with pytest.raises(ExchangeError, match="DOCTYPE"):
        client.import_file("import.xml")
    assert {run["status"] for run in site.hub.rows(sync_runs)} == {"failed"}


def test_an_archive_asked_for_by_a_wrong_name_says_what_it_holds(site: Site) -> None:
    client = site.client()
    client.post("v8_1.zip", onec.packed(files_of("ut")))
    with pytest.raises(ExchangeError, match=r"есть: import0_1\.xml, offers0_1\.xml"):
        client.import_file("prices.xml")
    client.import_file("OFFERS0_1.XML")
    assert site.levels()


def test_old_sessions_are_forgotten_with_a_new_login(everywhere: Site) -> None:
    from datetime import timedelta

    from sqlalchemy import update

    from hub.store.database import utc_now

    client = everywhere.client()
    with everywhere.hub.store.database.write() as db:
        then = utc_now() - timedelta(days=30)
        db.execute(update(exchange_sessions).values(created_at=then))
    assert client.call("GET", mode="init").text.startswith("failure\n")
    everywhere.client()
    assert len(everywhere.hub.rows(exchange_sessions)) == 1
    assert everywhere.hub.rows(uploads) == []


def test_two_bases_exchange_side_by_side(site: Site) -> None:
    other = onec.Emulator(password="another")
    site.hub.connect("second", other.connection())
    url = site.url.replace("/onec", "/second")
    site.onec.exchange(site.url)
    other.exchange(url)
    counted = [row["connection_id"] for row in site.hub.rows(stock_levels)]
    assert len(counted) == 10
    assert len(set(counted)) == 2
    with pytest.raises(ExchangeError):
        onec.Emulator(password="emulated").exchange(url)
