"""Pages about users, the audit log, personal data, tokens, settings."""

from __future__ import annotations

from tests.web.scene import Scene


def people_pages(scene: Scene) -> list[str]:
    """Every page of the area."""
    return [
        "/profile/factor",
        "/admin/users",
        "/admin/users/1",
        "/admin/audit",
        "/admin/audit?action=sign+in",
        "/admin/personal",
        "/admin/personal?q=916",
        f"/admin/personal/person?contact_id={scene.irina}",
        "/admin/personal/retention",
        "/admin/tokens",
        "/admin/settings",
    ]
