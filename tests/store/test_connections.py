"""Connections as configured: saved, revised, seen by every process."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from connectors.standard_webhook import emulator as site
from hub.sdk.errors import ConfigError
from hub.store.models import connection_revisions, connections
from hub.store.store import Store
from tests.support.hub import Hub
from tests.support.waiting import wait_until


def test_secrets_that_a_new_document_leaves_out_stay(hub: Hub) -> None:
    document = site.Emulator().connection()
    hub.connect("site", document)
    changed = {name: value for name, value in document.items() if name != "secrets"}
    configured = hub.connect("site", {**changed, "title": "Новое имя"})
    assert configured.connection.title == "Новое имя"
    assert configured.connection.secrets.all("secret") == [site.SECRET]
    configured = hub.connect("site", {**document, "secrets": {"secret": ["new", site.SECRET]}})
    assert configured.connection.secrets.all("secret") == ["new", site.SECRET]


def test_every_change_is_a_revision_with_its_author_and_no_secret(hub: Hub) -> None:
    first = hub.site()
    second = hub.site(title="Второе")
    assert (first.id, first.revision, second.revision) == (second.id, 1, 2)
    kept = hub.rows(connection_revisions)
    assert [(row["revision"], row["author"]) for row in kept] == [(1, "test"), (2, "test")]
    assert [row["document"]["title"] for row in kept] == ["Заявки с сайта", "Второе"]
    assert all("secrets" not in row["document"] for row in kept)


def test_a_name_stays_with_its_connector(hub: Hub) -> None:
    hub.site()
    with pytest.raises(ConfigError, match="standard_webhook"):
        hub.connect("site", {"connector": "mailgun", "secrets": {"signing_key": "k"}})
    assert hub.store.catalog.require("site").connection.connector == "standard_webhook"


def test_saving_mends_what_needed_attention_and_leaves_what_is_paused(hub: Hub) -> None:
    hub.site()
    for before, after in (("needs_attention", "active"), ("paused", "paused")):
        hub.set_state("site", before)
        hub.site()
        assert hub.state("site") == after


def test_another_process_sees_a_change_within_two_seconds(hub: Hub) -> None:
    hub.site()
    other = Store.open(hub.store.settings)
    assert other.catalog.get("site") is not None
    assert other.catalog.get("late") is None
    hub.site("late")
    hub.site(title="Переименовано")
    hub.set_state("site", "paused")

    def seen() -> bool:
        late, changed = other.catalog.get("late"), other.catalog.require("site")
        return (
            late is not None
            and changed.connection.title == "Переименовано"
            and changed.state == "paused"
        )

    assert wait_until(seen, 5, "the change seen") <= 2
    other.database.dispose()


def test_a_broken_connection_is_listed_with_its_reason_and_breaks_no_other(hub: Hub) -> None:
    hub.site()
    hub.site("odd")
    with hub.store.database.write() as db:
        db.execute(
            update(connections).where(connections.c.name == "odd").values(settings={"scheme": "?"})
        )
    hub.set_state("site", "active")
    assert [item.name for item in hub.store.catalog.all()] == ["site"]
    assert "scheme" in hub.store.catalog.broken()["odd"]
    with pytest.raises(ConfigError, match="scheme"):
        hub.store.catalog.require("odd")
    with pytest.raises(ConfigError, match="site"):
        hub.store.catalog.require("nobody")


def test_a_lost_key_breaks_connections_and_says_so(hub: Hub) -> None:
    hub.site()
    other = Store.open(replace(hub.store.settings, secret_key="another key"))
    assert other.catalog.all() == []
    assert "HUB_SECRET_KEY" in other.catalog.broken()["site"]
    other.database.dispose()
