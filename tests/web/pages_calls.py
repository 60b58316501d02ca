"""The pages of calls, for the walk over every page."""

from __future__ import annotations

PAGES = ("/calls?show=unreturned", "/calls?show=mine&status=answered", "/calls?until=2001-01-01")
