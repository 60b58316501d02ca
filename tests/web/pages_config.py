"""The pages on which connections and mappings are set up."""

from __future__ import annotations

SEEN_BY_AUDITORS = (
    "/admin/connections/site/mappings/lead",
    "/admin/connections/onec/mappings/stock",
    "/admin/connections/mango-main/secrets",
    "/admin/connections/onec/schedule",
    "/admin/connections/site/revisions",
    "/admin/connections/site/start",
)
#: Forms, and what already calls another system.
FOR_ADMINS = (
    "/admin/connections/new",
    "/admin/connections/new/yaml",
    "/admin/connections/new/imap",
    "/admin/connections/new/onec_soap",
    "/admin/connections/new/standard_webhook",
    "/admin/connections/mango-main/settings",
    "/admin/connections/onec/test",
)
