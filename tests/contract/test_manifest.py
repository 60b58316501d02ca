"""A manifest says what the connector is, and the folder holds just that."""

from __future__ import annotations

from hub.registry import CONNECTORS, ROOT, connector, manifests
from hub.sdk.entities import ENTITIES
from hub.sdk.manifest import SETTING_TYPES
from tests.contract.cases import NAMES

#: What each direction asks of the code.
CAPABILITIES = {
    "webhook": ("verify", "event_key", "event_type", "ordering_key", "parse"),
    "poll": ("read", "check"),
    "sink": ("push", "check"),
    "stock": ("push_stock", "check"),
    "outbox": ("converse",),
    "upload": ("read_upload",),
    "calls": ("originate",),
}
MODULES = {
    "webhook": ("webhook",),
    "poll": ("poll",),
    "sink": ("sink", "stock"),
    "dialogue": ("outbox",),
    "upload": ("upload",),
}


def test_every_folder_is_a_connector() -> None:
    assert NAMES
    assert sorted(manifests()) == NAMES


def test_manifest_is_valid_and_named_as_its_folder(name: str) -> None:
    manifest = connector(name).manifest
    assert manifest.name == name == manifest.folder.name
    assert set(manifest.entities) <= set(ENTITIES)
    assert {setting.type for setting in manifest.settings} <= set(SETTING_TYPES)


def test_names_are_declared_once(name: str) -> None:
    manifest = connector(name).manifest
    for names in (
        [setting.name for setting in manifest.settings],
        [stream.name for stream in manifest.streams],
        list(manifest.event_types),
        list(manifest.entities),
    ):
        assert len(names) == len(set(names))


def test_conditions_name_settings_and_their_choices(name: str) -> None:
    manifest = connector(name).manifest
    choices = {setting.name: setting.choices for setting in manifest.settings}
    for setting in manifest.settings:
        for other, values in setting.when.items():
            assert other in choices, f"{setting.name}: when names the unknown setting {other}"
            assert set(values) <= set(choices[other] or values)
        if setting.default is not None and setting.choices:
            assert setting.default in setting.choices


def test_secrets_have_no_default(name: str) -> None:
    for setting in connector(name).manifest.settings:
        assert not (setting.secret and setting.default)


def test_directions_are_what_the_code_can_do(name: str) -> None:
    code = connector(name)
    for module, directions in MODULES.items():
        declared = bool(set(directions) & set(code.manifest.directions))
        present = (CONNECTORS / name / f"{module}.py").exists()
        if module == "poll" and code.read is None and code.push_stock is None:
            # History alone, for reconciliation, is no stream.
            assert not present or code.history is not None
            present = False
        assert declared == present, f"{module}: declared {declared}, the file exists {present}"
    for direction in code.manifest.directions:
        for part in CAPABILITIES[direction]:
            assert getattr(code, part) is not None, f"{direction} needs {part}()"


def test_streams_carry_declared_entities(name: str) -> None:
    manifest = connector(name).manifest
    if {"poll", "upload"} & set(manifest.directions):
        assert manifest.streams
    for stream in manifest.streams:
        assert stream.entity in manifest.entities


def test_who_takes_stock_has_a_stream_for_it(name: str) -> None:
    manifest = connector(name).manifest
    out = [stream for stream in manifest.streams if stream.direction == "out"]
    assert bool(out) == ("stock" in manifest.directions) == bool(connector(name).push_stock)
    assert all((stream.name, stream.entity) == ("stock_out", "stock") for stream in out)
    if out:
        settings = {setting.name for setting in manifest.settings}
        assert {"stock_from", "warehouses", "stock_number"} <= settings


def test_webhooks_and_polls_declare_entities(name: str) -> None:
    manifest = connector(name).manifest
    if {"webhook", "poll"} & set(manifest.directions):
        assert manifest.entities


def test_shipped_mapping_for_every_entity(name: str) -> None:
    manifest = connector(name).manifest
    folder = ROOT / "mappings" / name
    shipped = {path.stem for path in folder.glob("*.yml") if not path.stem.endswith(".out")}
    if manifest.mappings_from_connection:
        assert not shipped
    else:
        assert shipped == set(manifest.entities)


def test_vendor_documents_are_linked(name: str) -> None:
    docs = connector(name).manifest.docs
    assert docs
    assert all(link.startswith("https://") for link in docs)
