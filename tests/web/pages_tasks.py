"""The pages of tasks and letters."""

from __future__ import annotations

from tests.web.scene import Scene


def addresses(scene: Scene) -> list[str]:
    """Every page of them."""
    return [
        "/tasks",
        "/tasks?view=free",
        "/tasks?view=done",
        "/tasks?view=overdue&kind=other",
        f"/tasks/{scene.task}",
        f"/tasks/new?about=order:{scene.order}&next=/orders",
        "/messages?answer=waiting",
    ]
