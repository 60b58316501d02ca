"""Secrets at rest."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hub.sdk.errors import ConfigError
from hub.store.models import connection_revisions, connections
from hub.store.secrets import KEY_FILE, Vault, load_key, remember, resolve
from tests.support.hub import Hub


def test_what_is_sealed_opens_and_does_not_show() -> None:
    vault = Vault("one key")
    sealed = vault.seal({"api_key": [{"value": "s3cret-value"}]})
    assert b"s3cret-value" not in sealed
    assert vault.open(sealed) == {"api_key": [{"value": "s3cret-value"}]}
    assert vault.open(None) == {}


def test_keys_rotate() -> None:
    """The new key seals, both open; after the rotation the old one is not needed."""
    old, both, new = Vault("old"), Vault("new old"), Vault("new")
    sealed = old.seal({"a": "1"})
    assert both.open(sealed) == {"a": "1"}
    turned = both.rotate(sealed)
    assert new.open(turned) == {"a": "1"}
    with pytest.raises(ConfigError):
        new.open(sealed)
    assert new.open(both.seal({"b": "2"})) == {"b": "2"}


def test_a_wrong_key_is_named_with_the_remedy() -> None:
    sealed = Vault("right").seal({"a": "1"})
    with pytest.raises(ConfigError, match="HUB_SECRET_KEY"):
        Vault("wrong").open(sealed)
    with pytest.raises(ConfigError, match="HUB_SECRET_KEY"):
        Vault("right").open(sealed[:-4] + b"AAAA")
    with pytest.raises(ConfigError, match="empty"):
        Vault("  ")


def test_the_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = load_key(home, "")
    assert stat.S_IMODE((home / KEY_FILE).stat().st_mode) == 0o600
    assert load_key(home, "") == first
    assert load_key(home, "from the environment") == "from the environment"
    assert Vault(first).derive("session") != Vault(first).derive("token")
    assert first not in Vault(first).derive("session")


def test_a_reference_works_without_its_variable_and_follows_it_when_it_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UZEL_TEST_SECRET", "first")
    path = tmp_path / "salt"
    path.write_text("from a file\n", encoding="utf-8")
    kept = remember({"key": "env:UZEL_TEST_SECRET", "salt": f"file:{path}", "plain": ["a", "b"]})
    assert resolve(kept) == {"key": ["first"], "salt": ["from a file"], "plain": ["a", "b"]}
    monkeypatch.setenv("UZEL_TEST_SECRET", "second")
    assert resolve(kept)["key"] == ["second"]
    monkeypatch.delenv("UZEL_TEST_SECRET")
    assert resolve(kept)["key"] == ["first"]
    with pytest.raises(ConfigError, match="UZEL_NO_SUCH"):
        remember({"key": "env:UZEL_NO_SUCH"})


def test_no_table_holds_a_secret_in_the_open(hub: Hub) -> None:
    hub.site(secrets={"secret": "s3cret-of-the-site"})
    hub.site(title="Другое имя")
    for table in (connections, connection_revisions):
        assert "s3cret-of-the-site" not in str(hub.rows(table))
        assert b"s3cret-of-the-site" not in b"".join(
            value
            for row in hub.rows(table)
            for value in row.values()
            if isinstance(value, bytes | memoryview)
        )
