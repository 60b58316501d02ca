"""Admins' pages, one module a subject; an auditor reads them, an admin also acts."""

from hub.web.admin import (
    connections,
    dead,
    deliveries,
    duplicates,
    events,
    explore,
    mappings,
    rejections,
    runs,
)
from hub.web.admin.base import blueprint

__all__ = [
    "blueprint",
    "connections",
    "dead",
    "deliveries",
    "duplicates",
    "events",
    "explore",
    "mappings",
    "rejections",
    "runs",
]
