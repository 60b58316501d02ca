"""Every message that the hub's own errors keep in English, as a template with named places.

An error is worded where it is raised, for logs, the API and the terminal, and may be stored long
before somebody reads it; `hub/web/error_texts.py` finds its template again and says it in the
reader's language. A new message needs its template in the module of its subject here, and
`tests/web/test_error_texts.py` asks for it; a connector's stand in its own folder, `messages.yml`.
"""

from __future__ import annotations

from typing import Final

from hub.web.loading import import_all

TEMPLATES: Final[tuple[str, ...]] = tuple(
    template
    for module in import_all(__name__, __path__)
    for template in getattr(module, "TEMPLATES", ())
)
