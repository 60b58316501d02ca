"""Admins' pages, one module a subject; an auditor reads them, an admin also acts."""

from hub.web.loading import import_all

#: Every blueprint that a module here has, each once.
blueprints = list(
    dict.fromkeys(
        module.blueprint
        for module in import_all(__name__, __path__)
        if hasattr(module, "blueprint")
    )
)
