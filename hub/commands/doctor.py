"""`hub doctor`: is everything in order, and if not, what to do."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import click
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from hub.commands.mappings import check_everything
from hub.commands.output import as_json, show_json
from hub.commands.session import Session, pass_session
from hub.embedded.console import Console
from hub.flow.watch import HEARTBEAT
from hub.queues import QUEUES, queues_for, workers_alive
from hub.sdk.errors import HubError
from hub.sending import mail
from hub.settings import Settings
from hub.store import facts, search_index
from hub.store.database import utc_now
from hub.store.event_rows import has_status
from hub.store.migrate import is_current
from hub.store.models import events
from hub.store.secrets import KEY_FILE
from hub.store.store import Store
from hub.traffic.roads import breakers

HEARTBEAT_SECONDS = 20
MIN_FREE_BYTES = 500 * 1024 * 1024
MAX_CLOCK_DRIFT = timedelta(seconds=60)


@dataclass(frozen=True)
class Finding:
    """One thing looked at: fine, or what is wrong and how to mend it."""

    name: str
    ok: bool
    message: str = ""
    remedy: str = ""


@click.command(help="Всё ли в порядке, и что делать · Is everything in order")
@as_json
@pass_session
def doctor(session: Session, as_json: bool) -> None:
    """Look at everything; exit code 1 when something is wrong."""
    findings = list(examine(session.settings, session.console()))
    if as_json:
        show_json([asdict(finding) for finding in findings])
    for finding in () if as_json else findings:
        click.echo(f"{'ok' if finding.ok else '✗ '} {finding.name}: {finding.message}".rstrip(": "))
        if finding.remedy and not finding.ok:
            click.echo(f"     → {finding.remedy}")
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)


def examine(settings: Settings, console: Console) -> Iterator[Finding]:
    """Every finding; what needs the store is left out when the store is away."""
    tr = console.choose
    store = _open(settings)
    if isinstance(store, Store):
        yield from _store(store, tr)
    else:
        yield Finding(
            "store",
            False,
            store,
            tr("hub init, или верный DATABASE_URL", "hub init, or DATABASE_URL"),
        )
    yield _key(settings, tr)
    yield _disk(settings, tr)
    yield _mail(settings, tr)
    if isinstance(store, Store):
        yield _redis(store, tr)
        yield from _rest(store, tr)


Choose = Callable[[str, str], str]


def _open(settings: Settings) -> Store | str:
    """The store, or why there is none. Nothing is created: looking must not change what is."""
    if not settings.database_url and not (settings.home / "hub.db").exists():
        return f"{settings.home / 'hub.db'} – ?"
    try:
        store = Store.open(settings)
        with store.database.read() as db:
            db.execute(select(1))
    except (SQLAlchemyError, HubError, OSError) as error:
        return str(getattr(error, "orig", None) or error)
    return store


def _store(store: Store, tr: Choose) -> Iterator[Finding]:
    if not is_current(store.database):
        yield Finding("store", False, tr("схема не той версии", "another schema"), "hub migrate")
        return
    try:
        with store.database.write() as db:
            facts.set_fact(db, "doctor_at", utc_now().isoformat())
    except SQLAlchemyError as error:
        message = str(getattr(error, "orig", None) or error)
        remedy = tr("права и место на диске", "rights and disk space")
        yield Finding("store", False, message, remedy)
        return
    yield Finding("store", True, "SQLite" if store.database.is_sqlite else "PostgreSQL")
    if unindexed := search_index.missing(store.database):
        # Slow, not wrong: it must not turn a healthy check red.
        slow = tr("поиск медленный, без индекса", "search is slow, without an index")
        remedy = search_index.remedy(store.database)
        yield Finding("search", True, f"{slow}: {', '.join(unindexed)} ({remedy})")
    yield _clock(store, tr)


def _clock(store: Store, tr: Choose) -> Finding:
    """The database server's clock, or on SQLite the latest stored event, against ours."""
    now = utc_now()
    with store.database.read() as db:
        if store.database.is_sqlite:
            query = select(func.max(events.c.received_at, type_=events.c.received_at.type))
            latest: datetime | None = db.scalar(query)
            drift = latest - now if latest and latest > now else timedelta()
        else:
            server: datetime | None = db.scalar(select(func.clock_timestamp()))
            drift = abs(server - now) if server else timedelta()
    if drift > MAX_CLOCK_DRIFT:
        message = tr(f"расходятся на {drift}", f"differ by {drift}")
        return Finding("clock", False, message, tr("настройте NTP", "set up NTP"))
    return Finding("clock", True, f"{now:%Y-%m-%d %H:%M:%SZ}")


def _key(settings: Settings, tr: Choose) -> Finding:
    if settings.secret_key:
        return Finding("key", True, "HUB_SECRET_KEY")
    path = settings.home / KEY_FILE
    if not path.exists():
        return Finding("key", False, tr(f"нет {path}", f"no {path}"), "hub init")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        message = tr(f"{path} доступен другим ({mode:o})", f"{path} is open to others ({mode:o})")
        return Finding("key", False, message, f"chmod 600 {path}")
    return Finding("key", True, f"{path}, {mode:o}")


def _disk(settings: Settings, tr: Choose) -> Finding:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    message = tr(f"свободно {free // 2**20} МиБ", f"{free // 2**20} MiB free")
    if free < MIN_FREE_BYTES:
        return Finding("disk", False, message, tr(f"освободите {folder}", f"make room in {folder}"))
    return Finding("disk", True, message)


def _mail(settings: Settings, tr: Choose) -> Finding:
    """Whether the mail server takes the login; without one nothing is wrong, only unsent."""
    remedy = tr("раздел mail в hub.yml", "the part mail of hub.yml")
    try:
        server = mail.server_of(settings)
        if server is None:
            return Finding("mail", True, tr("не настроена, писем не будет", "none, no letters"))
        mail.check(server)
    except HubError as error:
        return Finding("mail", False, error.message, remedy)
    return Finding("mail", True, f"{server.host}:{server.port}, {server.security}")


def _redis(store: Store, tr: Choose) -> Finding:
    if queues_for(store.settings).is_up():
        return Finding("redis", True, "REDIS_URL" if store.settings.redis_url else "embedded")
    remedy = tr("запустите узел (hub up) или проверьте REDIS_URL", "hub up, or check REDIS_URL")
    return Finding(
        "redis",
        False,
        tr("не отвечает; события принимаются, работа ждёт", "away; events are kept, work waits"),
        remedy,
    )


def _rest(store: Store, tr: Choose) -> Iterator[Finding]:
    if not is_current(store.database):
        return
    yield _scheduler(store, tr)
    yield _workers(store, tr)
    broken = store.catalog.broken()
    for name, reason in sorted(broken.items()):
        yield Finding(f"connection {name}", False, reason, f"hub connections show {name}")
    for item in store.catalog.all():
        if item.state == "needs_attention":
            remedy = f"hub connections check {item.name}; hub connections resume {item.name}"
            yield Finding(f"connection {item.name}", False, item.state_reason, remedy)
        elif item.state == "paused":
            yield Finding(f"connection {item.name}", True, tr("приостановлено", "paused"))
    yield from _breakers(store, tr)
    if not broken:
        yield Finding("connections", True, str(len(store.catalog.all())))
    errors = [problem for problem in check_everything(store) if problem.severity == "error"]
    for problem in errors:
        yield Finding("mapping", False, str(problem), "hub mappings check")
    if not errors:
        yield Finding("mappings", True)
    with store.database.read() as db:
        dead = db.scalar(select(func.count()).where(has_status("dead"))) or 0
    message = tr(f"неразобранных: {dead}", f"dead letters: {dead}")
    # Work for a person, not a fault of the hub: it must not turn a healthy check red.
    yield Finding("events", True, message, "hub events list --status dead" if dead else "")


def _breakers(store: Store, tr: Choose) -> Iterator[Finding]:
    """Hosts that are left alone after failures."""
    found = breakers(store.settings)
    for item in store.catalog.all():
        for breaker in found.get(item.id, []):
            until = f"{breaker.next_probe_at:%H:%M:%S} UTC"
            message = tr(
                f"{breaker.host} не вызывается до {until}, отказов подряд: {breaker.failures}",
                f"{breaker.host} is not called before {until}, failures: {breaker.failures}",
            )
            remedy = f"hub connections check {item.name}"
            yield Finding(f"connection {item.name}", False, f"{message}: {breaker.reason}", remedy)


def _scheduler(store: Store, tr: Choose) -> Finding:
    with store.database.read() as db:
        beat = facts.get_fact(db, HEARTBEAT)
    age = (utc_now() - datetime.fromisoformat(beat)).total_seconds() if beat else None
    if age is None or age > HEARTBEAT_SECONDS:
        since = tr("никогда", "never") if age is None else f"{age:.0f} s"
        return Finding(
            "scheduler",
            False,
            tr(f"обход был: {since}", f"last sweep: {since}"),
            tr(
                "запустите hub up, или scheduler из Procfile", "hub up, or the Procfile's scheduler"
            ),
        )
    return Finding("scheduler", True, tr(f"обход {age:.0f} с назад", f"last sweep {age:.0f} s ago"))


def _workers(store: Store, tr: Choose) -> Finding:
    alive = workers_alive(queues_for(store.settings))
    idle = [queue for queue in QUEUES if not alive.get(queue)]
    if idle:
        message = tr("нет обработчиков очередей: ", "no worker for: ") + ", ".join(idle)
        remedy = tr("запустите hub up, или worker из Procfile", "hub up, or the Procfile's worker")
        return Finding("workers", False, message, remedy)
    return Finding("workers", True, ", ".join(f"{queue}: {alive[queue]}" for queue in QUEUES))
