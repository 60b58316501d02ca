"""The pages of reports, for the walk over every page."""

from __future__ import annotations

REPORTS = (
    "/reports",
    "/reports/calls?period=month",
    "/reports/leads?period=week",
    "/reports/orders?period=quarter",
    "/reports/messages?period=day",
    "/reports/calls/records?direction=in&status=missed",
    "/reports/mail",
)
