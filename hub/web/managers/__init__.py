"""Managers' pages, one module a subject; each puts itself into the menu."""

from hub.web.loading import import_all

#: Every blueprint that a module here has, each once.
blueprints = list(
    dict.fromkeys(
        module.blueprint
        for module in import_all(__name__, __path__)
        if hasattr(module, "blueprint")
    )
)
