"""Who may import what: every arrow points down, and the outside is reached in one place."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import ROOT, Source, sources

#: Layers from the top down. A module may import layers below its own, and inside its own part.
#: Parts on one line stand side by side and do not import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("hub.app", "hub.cli"),
    ("hub.commands",),
    ("hub.embedded",),
    ("hub.web", "hub.api", "hub.gateway"),
    ("hub.jobs", "hub.schedule", "hub.worker"),
    ("hub.turns",),
    ("hub.pool",),
    ("hub.flow",),
    ("hub.sending",),
    ("hub.crm",),
    ("hub.mapping", "hub.store"),
    ("hub.crew", "hub.doorbell"),
    ("hub.registry", "hub.queues", "hub.traffic"),
    ("hub.listening", "hub.news"),
    ("hub.log", "hub.memory", "hub.living", "hub.schedules"),
    ("hub.settings",),
    ("hub.sdk",),
)
#: Arrows that side-by-side parts may draw all the same, with the reason.
SIDEWAYS: dict[tuple[str, str], str] = {
    ("hub.cli", "hub.app"): "the command line starts the web application",
    ("hub.app", "hub.cli"): "Flask's own commands are the hub's",
    ("hub.schedule", "hub.jobs"): "the schedule names the jobs",
    ("hub.jobs", "hub.schedule"): "a job plans the next ones",
}
RANKS = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}

#: Packages that call other systems; only the HTTP client may.
CALLERS = {"requests", "urllib3", "httpx", "aiohttp", "http.client", "urllib.request"}
CALLERS_ALLOWED: dict[str, str] = {
    "hub/sdk/http/client.py": "the one way out",
    "hub/sdk/http/adapter.py": "one exchange of it",
    "hub/sdk/http/guard.py": "its connections",
    "hub/sdk/http/replies.py": "its replies",
    "hub/sdk/testing.py": "emulators post to the hub",
    "connectors/_protocols/soap.py": "names the type of an answer",
    "connectors/_protocols/soap_wire.py": "streams answers of the HTTP client's own session",
    "connectors/_protocols/soap_transport.py": "hands them to zeep",
    "connectors/_protocols/ibsession.py": "names the type of an answer",
}
ENVIRONMENT_ALLOWED: dict[str, str] = {"hub/settings.py": "the only reader"}

HUB = [source for source in sources("hub") if source.module != "hub"]
CODE = sources("hub", "connectors")


def part_of(module: str) -> str:
    """The layer's part a module belongs to, or nothing."""
    return ".".join(module.split(".")[:2])


def owned(imported: str) -> bool:
    return imported.startswith("hub.")


def test_every_module_has_a_layer() -> None:
    homeless = [source.name for source in HUB if part_of(source.module) not in RANKS]
    assert not homeless, "give it a place in LAYERS and in hub/README.md"


def test_imports_point_down() -> None:
    assert not [arrow for source in HUB for arrow in _arrows_up(source)]


def _arrows_up(source: Source) -> list[str]:
    own = part_of(source.module)
    wrong = []
    for imported, line in source.imports:
        other = part_of(imported)
        if not owned(imported) or other == own or other not in RANKS:
            continue
        sideways = RANKS[other] == RANKS[own] and (own, other) in SIDEWAYS
        if RANKS[other] <= RANKS[own] and not sideways:
            wrong.append(f"{source.name}:{line}: {own} imports {imported}")
    return wrong


def imports_of(found: list[Source], *roots: str) -> list[str]:
    """Every import of these top packages, with its place."""
    return [
        f"{source.name}:{line}: {imported}"
        for source in found
        for imported, line in source.imports
        if imported.partition(".")[0] in roots
    ]


def test_the_hub_reaches_connectors_through_the_registry() -> None:
    assert not imports_of(HUB, "connectors")


def test_shared_protocols_know_no_connector() -> None:
    ours = ("connectors._protocols", "hub.sdk")
    found = imports_of(sources("connectors/_protocols"), "connectors", "hub")
    assert not [line for line in found if not line.split(": ")[1].startswith(ours)]


def test_nothing_imports_the_tests() -> None:
    assert not imports_of(CODE, "tests")


def calls_out(source: Source) -> list[str]:
    return [
        f"line {line}: {imported}"
        for imported, line in source.imports
        if any(imported == name or imported.startswith(f"{name}.") for name in CALLERS)
    ]


def reads_environment(source: Source) -> list[str]:
    found = [
        f"line {node.lineno}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "environb", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    names = [line for name, line in source.imports if name in {"os.environ", "os.getenv"}]
    return found + [f"line {line}" for line in names]


def test_only_the_http_client_calls_out() -> None:
    found = {
        source.name: calls_out(source)
        for source in CODE
        if source.name not in CALLERS_ALLOWED and source.path.stem != "emulator"
    }
    assert not {name: lines for name, lines in found.items() if lines}


def test_only_settings_read_the_environment() -> None:
    found = {
        source.name: reads_environment(source)
        for source in CODE
        if source.name not in ENVIRONMENT_ALLOWED
    }
    assert not {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize("name", CALLERS_ALLOWED)
def test_every_permission_to_call_out_is_used(name: str) -> None:
    assert calls_out(Source(ROOT / name)), "take it off the list"


@pytest.mark.parametrize("name", ENVIRONMENT_ALLOWED)
def test_every_permission_to_read_the_environment_is_used(name: str) -> None:
    assert reads_environment(Source(ROOT / name)), "take it off the list"


def test_database_sessions_stay_in_the_store() -> None:
    """Only the store opens the database; others may build statements with what it gives."""
    openers = {"sqlalchemy.create_engine", "sqlalchemy.orm.sessionmaker", "sqlalchemy.orm.Session"}
    for source in CODE:
        if part_of(source.module) != "hub.store":
            assert not [item for item in source.imports if item[0] in openers], source.name


def test_rq_is_hidden_behind_the_queues() -> None:
    """Its states never reach tables or pages."""
    allowed = {
        "hub.queues",
        "hub.crew",
        "hub.jobs",
        "hub.schedule",
        "hub.worker",
        "hub.embedded",
        "hub.cli",
    }
    for source in CODE:
        if part_of(source.module) not in allowed:
            found = [name for name, _ in source.imports if name.partition(".")[0] == "rq"]
            assert not found, source.name
