"""Connections to an emulated 1C base that speaks OData."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors._protocols.odata_wire import Wire
from connectors.onec_odata.client import base_of
from connectors.onec_odata.emulator import Emulator
from hub.registry import make_connection
from hub.sdk.connection import Connection

MOSCOW = ZoneInfo("Europe/Moscow")
REF = "6c4e0c4b-6c2c-11e7-81d6-38d547224d22"
SAMPLES = Path(__file__).parents[1] / "connectors" / "odata"


def connect(emulator: Emulator, folder: Path | None = None, **settings: Any) -> Connection:
    """A connection to the base; `folder` is its cache."""
    document = emulator.connection()
    document["settings"] = {**document["settings"], **settings}
    return make_connection(
        document,
        "odata",
        allowed_networks=("127.0.0.0/8",),
        cache_dir=str(folder) if folder else "",
    )


def wire(emulator: Emulator, folder: Path | None = None, **settings: Any) -> Wire:
    """The line to the base that such a connection has."""
    return base_of(connect(emulator, folder, **settings)).wire
