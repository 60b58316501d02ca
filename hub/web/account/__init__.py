"""A person's own pages: sign in, links that were sent, password, second factor, sessions."""

from hub.web.account.base import blueprint
from hub.web.loading import import_all

import_all(__name__, __path__)
__all__ = ["blueprint"]
