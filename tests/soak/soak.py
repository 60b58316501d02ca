"""One soak of one database: send, break, settle, compare."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from hub.flow import poll
from hub.settings import Settings
from hub.store.models import deliveries, events, sync_runs
from hub.store.store import Store
from tests.soak import checker
from tests.soak.chaos import Chaos
from tests.soak.effects import Effects, Reader, broken_chains, differences
from tests.soak.plan import plan
from tests.soak.script import Chapter, Stock, chapters
from tests.soak.senders import SENDERS, Senders
from tests.soak.vendors import Vendors
from tests.soak.world import World
from tests.support.hub import Hub
from tests.support.waiting import wait_until

SENT_SECONDS, SETTLE_SECONDS = 300, 240
CHAPTERS_A_BATCH = 20
POLL_CHAPTERS, SAID_KILLS = 10, 100


@dataclass
class Outcome:
    """What a soak found. `problems` is empty when every promise held."""

    database: str
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    figures: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def quiet() -> None:
    """The soak's own process is no hub: its log lines (no Redis here) are nobody's news."""
    logging.getLogger("hub").setLevel(logging.ERROR)


def soak(database: str, seed: int, kills: int, minutes: float) -> Outcome:
    """Run one; never raises for what the hub does wrong, that is in `problems`."""
    outcome = Outcome(database, seed)
    world = World(seed, database)
    try:
        hub = world.prepare()
        try:
            _soak(world, hub, outcome, kills, minutes)
        except AssertionError as error:
            outcome.problems.append(str(error))
        hub.store.database.dispose()
        if outcome.problems:
            _keep_logs(world, outcome)
    finally:
        world.stop()
    return outcome


def _keep_logs(world: World, outcome: Outcome) -> None:
    kept = Path(mkdtemp(prefix=f"uzel-soak-{outcome.database}-logs-"))
    for path in [*world.home.glob("log/*"), world.home / "up.log"]:
        if path.exists():
            (kept / path.name).write_bytes(path.read_bytes())
    outcome.problems.append(f"the logs are kept in {kept}")


def _soak(world: World, hub: Hub, outcome: Outcome, kills: int, minutes: float) -> None:
    faults = plan(outcome.seed, kills, postgres=world.cluster is not None)
    fulls = sum(fault.kind == "disk full" for fault in faults)
    told = list(chapters(outcome.seed, kills + fulls))
    # What is said while the disk is full is a chapter of its own, beside those of the kills.
    told, kept = told[:kills], told[kills:]
    extra: list[Chapter] = []
    senders = Senders(world.url)
    world.vendors.set_stock(told[0].stock)
    world.await_up()
    started = time.monotonic()
    chaos = Chaos(world, senders, faults)
    senders.start()

    def on_kill(number: int) -> None:
        if number < len(told):
            _tell(world, senders, told[number])
            if number % POLL_CHAPTERS == 0:
                # Beside: on SQLite it waits for whoever is paused in a write, and we wake that one.
                threading.Thread(target=_poll, args=(hub,), daemon=True).start()
        if number % SAID_KILLS == 0:
            print(f"  … {number} kills, {time.monotonic() - started:.0f} s", flush=True)

    def on_full() -> None:
        extra.append(kept[len(extra)])
        senders.say(extra[-1].posts)

    chaos.on_full = on_full
    _tell(world, senders, told[0])
    outcome.kills, outcome.faults, outcome.skipped = chaos.kills, chaos.counts, chaos.skipped
    outcome.answers = senders.answers
    try:
        chaos.run(started + minutes * 60, on_kill)
    except BaseException:
        senders.stop()
        raise
    outcome.figures["chaos, s"] = time.monotonic() - started
    said = told[: min(len(told), sum(chaos.kills.values()) + 1)]
    # What was said beside them moved no stock.
    said = [replace(one, stock=said[0].stock) for one in extra] + said
    try:
        _settle(world, hub, senders, outcome, said[-1].stock)
    finally:
        senders.stop()
        outcome.figures["503 while the disk was full"] = chaos.refused_while_full
    _compare(world, hub, senders, outcome, said)


def _tell(world: World, senders: Senders, chapter: Chapter) -> None:
    world.vendors.set_stock(chapter.stock)
    senders.say(chapter.posts)


def _poll(hub: Hub) -> None:
    """A person asks for a poll; while the store is away nobody can."""
    try:
        poll.request_run(hub.store, "onec", "stock", "person")
    except SQLAlchemyError:
        return


def _settle(world: World, hub: Hub, senders: Senders, outcome: Outcome, stock: Stock) -> None:
    """Wait until everything sent is acknowledged and nothing is left to do."""
    world.await_up()
    outcome.figures["backlog of the senders"] = senders.backlog
    took = wait_until(lambda: not senders.backlog, SENT_SECONDS, f"acceptance {senders.answers}")
    outcome.figures["last acceptance, s"] = took

    _poll(hub)

    def is_settled() -> bool:
        try:
            return not unfinished(hub) and _stock_is(hub, stock)
        except SQLAlchemyError:
            return False

    try:
        outcome.figures["settled, s"] = wait_until(is_settled, SETTLE_SECONDS, "the end of work")
    except AssertionError as error:
        stock_word = "as 1C says" if _stock_is(hub, stock) else "not as 1C says"
        raise AssertionError(f"{error}: left {unfinished(hub)}, stock {stock_word}") from error


def unfinished(hub: Hub) -> dict[str, int]:
    """What is still to be done, by kind and status."""
    found: dict[str, int] = {}
    ends = {
        events: ("done", "ignored", "dead"),
        deliveries: ("delivered", "dead"),
        # Runs go on for ever; what counts is that none is stuck.
    }
    with hub.store.database.read() as db:
        for table, final in ends.items():
            query = (
                select(table.c.status, func.count())
                .where(table.c.status.not_in(final))
                .group_by(table.c.status)
            )
            for status, count in db.execute(query):
                found[f"{table.name} {status}"] = int(count)
    return found


def _stock_is(hub: Hub, stock: Stock) -> bool:
    return stored_stock(hub) == stock


def stored_stock(hub: Hub) -> Stock:
    """What the hub says 1C holds."""
    return {(row["sku"], row["warehouse"]): int(row["quantity"]) for row in hub.levels()}


def _compare(
    world: World, hub: Hub, senders: Senders, outcome: Outcome, said: list[Chapter]
) -> None:
    outcome.figures["events acknowledged"] = len(senders.acknowledged)
    outcome.figures["repeats acknowledged"] = senders.acknowledged.total() - len(
        senders.acknowledged
    )
    told = [one for receiver in world.vendors.receivers.values() for one in receiver.told]
    outcome.figures["messages out"] = len({one.message_id for one in told})
    outcome.figures["messages out, repeats"] = len(told) - len({one.message_id for one in told})
    outcome.figures["answers spoilt"] = sum(world.vendors.wrongs().values())
    outcome.figures["sync runs"] = len(hub.rows(sync_runs))
    outcome.figures["hub up started"] = world.starts
    problems = outcome.problems
    if strange := senders.strange():
        problems.append(f"answers no sender should get: {strange}")
    problems += checker.short(checker.inbox(hub, senders.acknowledged))
    problems += checker.short(checker.receivers(hub, world.vendors.receivers))
    problems += checker.short(broken_chains(hub))
    started = time.monotonic()
    # It polls, and the calm run sets 1C back to the script's beginning.
    world.end_hub()
    found = Reader(hub).all()
    expected = without_faults(world.vendors, said)
    outcome.figures["the same without faults, s"] = time.monotonic() - started
    problems += differences(found, expected)


def without_faults(vendors: Vendors, said: Sequence[Chapter]) -> Effects:
    """The same script through a hub that nobody disturbs, in a fresh store."""
    home = Path(mkdtemp(prefix="uzel-calm-"))
    hub = Hub(Store.open(Settings(home=home, secret_key="another"), migrate=True))
    try:
        for name, document in vendors.sources().items():
            hub.connect(name, document)
        with ThreadPoolExecutor(SENDERS) as pool:
            for start in range(0, len(said), CHAPTERS_A_BATCH):
                part = said[start : start + CHAPTERS_A_BATCH]
                posts = [post for one in part for post in one.posts for _ in range(post.times)]
                # Together, so that they share their commits.
                list(pool.map(lambda post: hub.post(post.connection, post.request), posts))
                for name in ("mango", "shop", "mail", "site"):
                    hub.drain(name)
                vendors.set_stock(part[-1].stock)
                run = hub.sync("onec", "stock")
                assert run["status"] == "succeeded", run
        return Reader(hub).all()
    finally:
        hub.store.database.dispose()
        rmtree(home, ignore_errors=True)
