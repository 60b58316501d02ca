"""Every test that asks for `name` runs for each connector, `case` for each fixture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from hub.registry import connector
from hub.sdk.testing import Emulator
from tests.contract.cases import CASES, NAMES, WEBHOOKS, suite_option


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise by the argument's name."""
    arguments: dict[str, Sequence[object]] = {
        "name": NAMES,
        "webhook_name": WEBHOOKS,
        "case": CASES,
        # Mailgun signs a token and a time only: its connection.yml says so.
        "signed_case": [
            case
            for case in CASES
            if suite_option(case.connector, "signature_covers_body", default=True)
        ],
    }
    for argument, values in arguments.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, values, ids=str)


@pytest.fixture(scope="session", params=NAMES)
def running(request: pytest.FixtureRequest) -> Iterator[tuple[str, Emulator]]:
    """A connector's name and its emulator, started."""
    made = connector(request.param).emulator
    assert made is not None, "there is no emulator.py with a class Emulator"
    emulator: Emulator = made()
    emulator.start()
    yield request.param, emulator
    emulator.stop()
