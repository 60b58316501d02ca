"""A graft: a lead of this name kills the worker that parses it, as a crash in a C library would."""

from __future__ import annotations

import os
import signal
from types import ModuleType
from typing import Any

DEADLY = "Яд"


def graft(module: ModuleType) -> None:
    """Put the deadly parser into the connector's module."""
    real = module.parse

    def parse(event: Any, connection: Any) -> Any:
        if DEADLY.encode() in event.request.body:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(event, connection)

    module.__dict__["parse"] = parse
