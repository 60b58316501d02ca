"""`hub backup`, `hub restore`, `hub secrets rotate`."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from datetime import datetime
from pathlib import Path

import click
from cryptography.fernet import Fernet
from sqlalchemy import select, update
from sqlalchemy.engine import URL, make_url

from hub import __version__
from hub import settings as hub_settings
from hub.commands.session import ACTOR, Session, pass_session
from hub.embedded.home import is_running, locked
from hub.sdk.errors import ConfigError
from hub.settings import Settings
from hub.store import audit, sealed
from hub.store.database import Database, utc_now
from hub.store.migrate import upgrade
from hub.store.models import connections
from hub.store.secrets import KEY_FILE, Vault, load_key

ABOUT, SQLITE, POSTGRES = "uzel-backup.json", "hub.db", "store.dump"
FILES = (KEY_FILE, "hub.yml")
FOLDER = "connections"


@click.command(help="Резервная копия в файл · Back up into one file")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@pass_session
def backup(session: Session, file: Path | None) -> None:
    """Store, key, hub.yml and connection files in one archive; the hub may be running."""
    settings = session.settings
    moment = utc_now()
    target = file or settings.home / "backups" / f"uzel-{moment:%Y%m%d-%H%M%S}.tar.gz"
    if target.exists():
        raise ConfigError("exists already", place=str(target))
    database = session.store.database
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="uzel-backup-") as folder:
        dump = _dump(database, Path(folder))
        about = {"version": __version__, "made_at": moment.isoformat(), "store": dump.name}
        (Path(folder) / ABOUT).write_text(json.dumps(about), encoding="utf-8")
        unfinished = target.with_name(f"{target.name}.part")
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
            archive.add(Path(folder) / ABOUT, ABOUT)
            archive.add(dump, dump.name)
            for name in (*FILES, FOLDER):
                if (settings.home / name).exists():
                    archive.add(settings.home / name, name)
        _to_disk(unfinished)
        unfinished.rename(target)
        _to_disk(target.parent)
    click.echo(str(target))
    if settings.secret_key:
        click.echo("HUB_SECRET_KEY в копию не входит, сохраните его отдельно · keep it yourself")


def _to_disk(path: Path) -> None:
    """A backup that is named is on the disk, not in a cache."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _dump(database: Database, folder: Path) -> Path:
    if database.is_sqlite:
        path = folder / SQLITE
        source = sqlite3.connect(str(database.engine.url.database))
        copy = sqlite3.connect(path)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
        return path
    path = folder / POSTGRES
    _postgres(database, "pg_dump", "--format=custom", f"--file={path}")
    return path


def _postgres(database: Database, program: str, *arguments: str) -> None:
    """Run PostgreSQL's own client on the store; ConfigError with its words when it fails."""
    found = shutil.which(program)
    if found is None:
        raise ConfigError(
            f"{program} is not on PATH: install the PostgreSQL client of the server's version "
            "(apt install postgresql-client), or back the database up with its own tools"
        )
    url = make_url(database.url)
    # The password goes through the environment: arguments are for everybody to see.
    environment = hub_settings.child_environment(hub_settings.load())
    if url.password:
        environment["PGPASSWORD"] = str(url.password)
    address = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    ).render_as_string()
    done = subprocess.run(  # noqa: S603  # PostgreSQL's own client, no shell
        [found, f"--dbname={address}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode:
        raise ConfigError(f"{program}: {done.stderr.strip()[-500:]}")


@click.command(help="Восстановить из копии · Restore from a backup; the hub must be stopped")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--yes", is_flag=True, help="не спрашивать · do not ask")
@pass_session
def restore(session: Session, file: Path, yes: bool) -> None:
    """Put a backup in place. Files that stood there are set aside as *.before-restore; the tables
    of a PostgreSQL store are replaced in one transaction."""
    settings = session.settings
    with locked(settings.home), tempfile.TemporaryDirectory(prefix="uzel-restore-") as folder:
        about = _unpack(file, Path(folder))
        made_at = datetime.fromisoformat(about["made_at"])
        if (about["store"] == SQLITE) != (not settings.database_url):
            raise ConfigError(
                f"the backup holds {about['store']}: unset DATABASE_URL for SQLite, set it for "
                "PostgreSQL"
            )
        if not yes:
            click.confirm(
                f"заменить данные в {settings.home} копией от {made_at:%Y-%m-%d %H:%M}Z? · "
                "replace the data?",
                abort=True,
                err=True,
            )
        _put_back(settings, Path(folder), about["store"])
        database = Database(settings.store_url)
        upgrade(database)
        database.dispose()
    click.echo(f"восстановлено · restored: {settings.home}")


def _unpack(file: Path, folder: Path) -> dict[str, str]:
    try:
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="data")
        about: dict[str, str] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (tarfile.TarError, OSError, ValueError) as error:
        raise ConfigError(f"is no backup of this hub: {error}", place=str(file)) from error
    if about.get("store") not in (SQLITE, POSTGRES) or not (folder / about["store"]).exists():
        raise ConfigError("holds no store", place=str(file))
    return about


def _put_back(settings: Settings, folder: Path, store: str) -> None:
    home = settings.home
    if store == POSTGRES:
        database = Database(settings.store_url)
        _postgres(
            database, "pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction",
            str(folder / POSTGRES),
        )  # fmt: skip
        database.dispose()
    else:
        for suffix in ("", "-wal", "-shm"):
            _set_aside(home / f"{SQLITE}{suffix}")
        shutil.move(folder / SQLITE, home / SQLITE)
        (home / SQLITE).chmod(0o600)
    for name in (*FILES, FOLDER):
        if (folder / name).exists():
            _set_aside(home / name)
            shutil.move(folder / name, home / name)
    if (home / KEY_FILE).exists():
        (home / KEY_FILE).chmod(0o600)


def _set_aside(path: Path) -> None:
    if not path.exists():
        return
    aside = path.with_name(f"{path.name}.before-restore")
    if aside.is_dir():
        shutil.rmtree(aside)
    path.replace(aside)


@click.group(help="Ключ шифрования · The encryption key")
def secrets() -> None:
    """Secrets at rest."""


@secrets.command("rotate", help="Сменить ключ шифрования · Seal every secret with a new key")
@pass_session
def rotate(session: Session) -> None:
    """Seal everything anew. The hub must be stopped unless the key is in HUB_SECRET_KEY.

    With HUB_SECRET_KEY: put the new key before the old one, separated by a space, restart, rotate,
    then take the old one away.
    """
    settings = session.settings
    if settings.secret_key:
        count = _seal_again(session.store.database, Vault(settings.secret_key))
    else:
        if is_running(settings.home):
            raise ConfigError("stop the hub first: its processes know only the old key")
        with locked(settings.home):
            former = load_key(settings.home, "")
            new = Fernet.generate_key().decode()
            # Both keys open until the last secret is sealed with the new one.
            _write_key(settings.home, f"{new} {former}")
            count = _seal_again(session.store.database, Vault(f"{new} {former}"))
            _write_key(settings.home, new)
    with session.store.database.write() as db:
        audit.record(db, ACTOR, "rotated", "key", "", {"connections": count})
    click.echo(f"перешифровано подключений · connections sealed anew: {count}")


def _seal_again(database: Database, vault: Vault) -> int:
    with database.write() as db:
        rows = db.execute(
            select(connections.c.id, connections.c.secrets).where(
                connections.c.secrets.is_not(None)
            )
        ).all()
        for row in rows:
            db.execute(
                update(connections)
                .where(connections.c.id == row.id)
                .values(secrets=vault.rotate(row.secrets))
            )
        sealed.rotate_others(db, vault)
    return len(rows)


def _write_key(home: Path, key: str) -> None:
    path = home / f"{KEY_FILE}.new"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    path.replace(home / KEY_FILE)
