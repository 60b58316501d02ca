"""Uzel, an integration hub: events in, records out, nothing lost."""

__version__ = "0.1.0"
