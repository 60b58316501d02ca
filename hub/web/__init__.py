"""The site: pages for managers and admins, rendered on the server. `register` adds it to an app."""

from hub.web.site import register

__all__ = ["register"]
