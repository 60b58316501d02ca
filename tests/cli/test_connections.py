"""`hub connections`, and the errors of connection files with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.standard_webhook import emulator as site
from hub.commands import connection_files
from hub.store.models import audit, connection_revisions
from tests.cli.conftest import Cli, break_connection, write_file
from tests.support.hub import Hub


def test_an_added_connection_is_listed(cli: Cli, site_file: Path, inside: Hub) -> None:
    added = cli("connections", "add", str(site_file))
    assert "http://127.0.0.1:8000/in/site" in added.out
    (row,) = cli("connections", "list", "--json").json
    assert (row["name"], row["connector"], row["state"]) == ("site", "standard_webhook", "active")
    assert row["problem"] is None
    assert "site" in cli("connections", "list").out
    assert inside.store.catalog.require("site").connection.settings["scheme"] == "hmac"
    assert inside.one(audit)["actor"] == "cli"


def test_an_empty_list_teaches(cli: Cli) -> None:
    assert "connections add" in cli("connections", "list").out
    assert cli("connections", "list", "--json").json == []


@pytest.mark.parametrize(
    ("name", "text", "place", "words"),
    [
        ("site", "connector: mailgun\ncolour: red\n", ":2:1", "unknown key «colour»"),
        ("site", "connector: mailgum\n", ":1:1", "there is no connector «mailgum»; there are:"),
        ("site", "connector: mailgun\nsettings:\n  colour: red\n", ":3:3", "no such key"),
        ("site", "connector: mailgun\nsettings: {}\n", ".yml", "secrets.signing_key: is required"),
        ("site", "connector: mailgun\nsettings: {max_age_hours: many}\nsecrets: {signing_key: k}\n",
         ":2:12", "must be a whole number"),
        ("site", "connector: mailgun\nsettings: [\n", ".yml:3:1", "expected the node content"),
        ("site", "- connector: mailgun\n", ":1", "is a table"),
        ("site", "", ":1", "is a table"),
        ("Site Main", "connector: mailgun\n", ".yml", "small letters"),
        ("imap", "connector: imap\nsettings: {host: h, username: u}\nsecrets: {password: p}\n"
         "schedule: {messages: sometimes}\n", ":4:12", "neither «every 5m»"),
        ("imap", "connector: imap\nsettings: {host: h, username: u}\nsecrets: {password: p}\n"
         "schedule: {letters: every 5m}\n", ":4:12", "there is no stream «letters»; there are:"),
        ("mail", "connector: mailgun\nsecrets: {signing_key: k}\ndestinations: other\n",
         ":3:1", "list of connection names"),
        ("mail", "connector: mailgun\nsecrets: {signing_key: env:NO_SUCH_VARIABLE}\n",
         ":2:11", "«env:NO_SUCH_VARIABLE» gives nothing"),
        ("mail", "connector: mailgun\nsecrets: {signing_key: k}\nmappings:\n  message:\n"
         "    fields:\n      subject: {from: subject, as: loudly}\n", ":6:", "loudly"),
    ],
)  # fmt: skip
def test_a_wrong_file_names_the_line(
    cli: Cli, tmp_path: Path, name: str, text: str, place: str, words: str
) -> None:
    path = write_file(tmp_path, name, text)
    error = cli("connections", "add", str(path), code=1).err
    assert f"{name}.yml" in error
    assert place in error
    assert words in error
    assert cli("connections", "list", "--json").json == []


def test_a_missing_file_is_named(cli: Cli, tmp_path: Path) -> None:
    path = str(tmp_path / "no-such.yml")
    assert path in cli("connections", "add", path, code=1).err


def test_a_secret_from_the_environment(
    cli: Cli, tmp_path: Path, inside: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_KEY", "key-of-the-shell")
    text = "connector: mailgun\nsecrets: {signing_key: env:MAIL_KEY}\n"
    cli("connections", "add", str(write_file(tmp_path, "mail", text)))
    monkeypatch.delenv("MAIL_KEY")
    assert inside.store.catalog.require("mail").connection.secrets["signing_key"] == (
        "key-of-the-shell"
    )
    assert "env:MAIL_KEY" in cli("connections", "export", "mail").out


def test_stored_secrets_need_not_be_given_again(cli: Cli, tmp_path: Path, inside: Hub) -> None:
    text = "connector: mailgun\nsecrets: {signing_key: first-key}\n"
    cli("connections", "add", str(write_file(tmp_path, "mail", text)))
    cli("connections", "add", str(write_file(tmp_path, "mail", "connector: mailgun\ntitle: A\n")))
    assert inside.store.catalog.require("mail").connection.secrets["signing_key"] == "first-key"


def test_no_command_shows_a_secret(cli: Cli, site_file: Path) -> None:
    cli("connections", "add", str(site_file))
    for arguments in (
        ("connections", "show", "site"),
        ("connections", "show", "site", "--json"),
        ("connections", "list", "--json"),
        ("connections", "export", "site"),
    ):
        assert site.SECRET not in cli(*arguments).out
    assert cli("connections", "show", "site", "--json").json["secrets"] == ["secret"]


def test_an_exported_file_can_be_added(
    cli: Cli, site_file: Path, tmp_path: Path, inside: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("connections", "add", str(site_file))
    copy = tmp_path / "copy.yml"
    cli("connections", "export", "site", "-o", str(copy))
    monkeypatch.setenv("SITE_SECRET", site.SECRET)
    cli("connections", "add", str(copy))
    first, second = (inside.store.catalog.require(name) for name in ("site", "copy"))
    assert second.connection.settings == first.connection.settings
    assert second.mappings == first.mappings
    assert second.connection.secrets["secret"] == site.SECRET


def test_pause_and_resume(cli: Cli, site_file: Path, inside: Hub) -> None:
    cli("connections", "add", str(site_file))
    cli("connections", "pause", "site", "--reason", "moving house")
    assert inside.state("site") == "paused"
    assert cli("connections", "list", "--json").json[0]["problem"] == "moving house"
    cli("connections", "resume", "site")
    assert inside.state("site") == "active"
    assert "there are: site" in cli("connections", "pause", "other", code=1).err


def test_check_says_what_a_receiving_connection_needs(cli: Cli, tmp_path: Path) -> None:
    text = "connector: mailgun\nsecrets: {signing_key: k}\n"
    cli("connections", "add", str(write_file(tmp_path, "mail", text)))
    assert "/in/mail" in cli("connections", "check", "mail").out


def test_check_fails_with_the_step_that_fails(cli: Cli, tmp_path: Path) -> None:
    text = (
        "connector: imap\nsettings: {host: 127.0.0.1, port: 1, tls: false, username: u}\n"
        "secrets: {password: p}\n"
    )
    cli("connections", "add", str(write_file(tmp_path, "mail", text)))
    steps = cli("connections", "check", "mail", "--json", code=1).json
    assert [step["ok"] for step in steps][-1] is False
    assert "✗" in cli("connections", "check", "mail", code=1).out


def test_a_broken_connection_is_shown_with_its_problem(
    cli: Cli, site_file: Path, inside: Hub
) -> None:
    cli("connections", "add", str(site_file))
    break_connection(inside)
    rows = {row["name"]: row for row in cli("connections", "list", "--json").json}
    assert "signing_key" in rows["broken"]["problem"]
    assert rows["site"]["problem"] is None
    assert "signing_key" in cli("connections", "show", "broken").out


def test_only_changed_files_are_imported(home: Path, inside: Hub) -> None:
    folder = home / "connections"
    folder.mkdir()
    document = site.Emulator().connection()
    write_file(folder, "site", document)

    def changed() -> list[str]:
        done = connection_files.import_all(inside.store, "test")
        assert not [item.error for item in done if item.error]
        return [item.name for item in done if item.changed]

    assert changed() == ["site"]
    assert changed() == []
    inside.connect("site", {**document, "title": "Changed on the site"})
    assert changed() == []
    assert inside.store.catalog.require("site").connection.title == "Changed on the site"
    write_file(folder, "site", {**document, "title": "Changed in the file"})
    assert changed() == ["site"]
    inside.store.catalog.forget()
    assert inside.store.catalog.require("site").connection.title == "Changed in the file"
    assert len(inside.rows(connection_revisions)) == 3


def test_one_wrong_file_stops_no_other(cli: Cli, home: Path) -> None:
    folder = home / "connections"
    folder.mkdir()
    write_file(folder, "a-wrong", "connector: nothing\n")
    write_file(folder, "site", site.Emulator().connection())
    done = cli("init", code=1)
    assert "a-wrong.yml:1:1" in done.err
    assert [row["name"] for row in cli("connections", "list", "--json").json] == ["site"]
