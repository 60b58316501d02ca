"""Addresses of the clients' pages, for tests that walk them all."""

from __future__ import annotations

from tests.web.scene import Scene


def addresses(scene: Scene) -> list[str]:
    """Every page of clients and companies that the scene has something for."""
    return [
        "/clients?q=%D0%9F%D0%B5%D1%82%D1%80&sort=name",
        "/clients/new",
        f"/clients/{scene.irina}/edit",
        f"/clients/{scene.irina}/compare/{scene.pavel}",
        f"/clients/{scene.irina}?kind=change",
        "/companies",
    ]
